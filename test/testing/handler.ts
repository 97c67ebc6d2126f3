import type { SocketSession } from 'koa-live-session'
import { cookieFor, memorySession } from 'koa-live-session/testing'
import { App, type AppFields, appFields } from '../support/app/app.js'

type Key = keyof AppFields & string

/** A socket handler's session, and requests of the same visitor. */
export interface Handler {
  readonly session: SocketSession<AppFields>
  request(key: Key, value: unknown): Promise<void>
}

const GIVEN = { division: 3 } as const

export async function doubleHandler(): Promise<Handler> {
  const session = memorySession(appFields, GIVEN)
  return { session, request: async (key, value) => session.change(key, value as never) }
}

/** Returns a function that opens socket handlers in a real app, each for another visitor. */
export async function realHandlers(): Promise<() => Promise<Handler>> {
  const app = await App.start({
    routes: async (ctx) => {
      const [key, value] = JSON.parse(decodeURIComponent(ctx.querystring))
      await ctx.liveSession.set(key, value)
      ctx.body = ''
    },
  })
  return async () => {
    const visitor = app.visitor(cookieFor(app.live, { values: GIVEN }))
    const connected = new Promise<SocketSession<AppFields>>((resolve) => {
      app.io.once('connection', (socket) => resolve(socket.liveSession as unknown as SocketSession<AppFields>))
    })
    await visitor.connect()
    const request = async (key: Key, value: unknown): Promise<void> => {
      await visitor.text(`/?${encodeURIComponent(JSON.stringify([key, value]))}`)
    }
    return { session: await connected, request }
  }
}
