import type { LiveSessionClient } from 'koa-live-session/client'
import { cookieFor, testClient } from 'koa-live-session/testing'
import { App, type AppFields, appFields } from '../support/app/app.js'

/** A client for components, and control over its page. */
export interface Screen {
  readonly live: LiveSessionClient<AppFields>
  /** A request of the same visitor sets values; resolves when a connected page has received them. */
  receive(values: Partial<Record<keyof AppFields, unknown>>): Promise<void>
  offline(): void
  online(): Promise<void>
  close(): void
  readonly sent: readonly (readonly [key: string, value: unknown])[]
}

const GIVEN = { division: 3 } as const

export async function doubleScreen(keepsCookies = true): Promise<Screen> {
  const live = testClient(appFields, GIVEN)
  if (!keepsCookies) live.refuseNext('cookies_blocked')
  return {
    live,
    receive: async (values) => live.receive(values as object),
    offline: live.offline,
    online: async () => live.online(),
    close: live.close,
    sent: live.sent,
  }
}

/** Returns a function that opens pages of a real app, each for another visitor. */
export async function realScreens(): Promise<typeof doubleScreen> {
  const app = await App.start({
    // These tests are not about limits.
    options: { limits: { changesPerSocket: 10_000, changesPerVisitor: 10_000 } },
    routes: async (ctx) => {
      if (ctx.querystring) await ctx.liveSession.setMany(JSON.parse(decodeURIComponent(ctx.querystring)))
      ctx.body = ctx.liveSession.snapshot()
    },
  })
  return async (keepsCookies = true) => {
    const visitor = keepsCookies ? app.visitor(cookieFor(app.live, { values: GIVEN })) : app.visitor()
    visitor.keepsCookies = keepsCookies
    const page = await visitor.open({ path: '/' })
    const { live, socket } = page
    await page.connected()
    const sent: [string, unknown][] = []
    socket?.onAnyOutgoing((event, message) => {
      if (event === 'live_session:exchange') for (const [key, , , value] of message.set ?? []) sent.push([key, value])
    })
    return {
      live,
      sent,
      receive: async (values) => {
        const heard = socket?.connected && new Promise((resolve) => socket.once('store_session', resolve))
        await visitor.fetch(`/?${encodeURIComponent(JSON.stringify(values))}`)
        await heard
      },
      offline: () => {
        page.cutPosts()
        socket?.disconnect()
      },
      online: async () => {
        // POSTs made in the meantime are sent after the connection's greeting.
        const back = page.comeBack()
        page.beforePost = () => back
        await back
        page.beforePost = async () => undefined
      },
      close: () => page.close(),
    }
  }
}
