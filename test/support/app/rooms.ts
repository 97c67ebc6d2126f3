import { expect } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import type { Socket } from 'socket.io'
import { z } from 'zod'
import { App, type AppOptions } from './app.js'
import { account, auth, identify } from './auth.js'
import { once } from './awaited.js'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write', rooms: true },
  role: { schema: z.string(), default: 'guest', rooms: true },
  theme: { schema: z.string(), default: 'light', client: 'write', scope: 'browser', rooms: true },
  step: { schema: z.number().int(), default: 1, client: 'write', scope: 'tab', rooms: true },
  cart: { schema: z.array(z.string()), default: [], client: 'write' },
})

export type RoomApp = App<typeof fields>

/**
 * Starts an app with users and rooms of values.
 *
 * @param prepare called before the app's own handlers exist
 */
export async function startWithRooms(
  given: AppOptions<typeof fields> = {},
  prepare: (app: RoomApp) => unknown = () => undefined,
): Promise<RoomApp> {
  const before: typeof given.before = (koa) => [auth(koa)]
  const options = { identify, ...given.options } as never
  const app = await App.start<typeof fields>({ routes: account as never, before, ...given, fields, options })
  await prepare(app)
  app.io.on('connection', (socket) => {
    socket.on('set', (key, value, done) => void socket.liveSession.set(key, value).then(() => done()))
  })
  return app
}

/** Resolves with the server's end of a connection. */
export async function serverEnd(app: RoomApp, connect: () => Promise<unknown>): Promise<Socket> {
  const [[socket]] = await Promise.all([once(app.io, 'connection'), connect()])
  return socket
}

export function isIn({ live }: RoomApp, socket: Socket, division: number): boolean {
  return live.room('division', division).every((name) => socket.rooms.has(name))
}

/** Each open socket must be in exactly the rooms of its values. */
export function expectRooms({ io, live }: RoomApp): void {
  for (const socket of io.sockets.sockets.values()) {
    const get = socket.liveSession.get as (key: string) => never
    const wanted = (['division', 'role', 'theme', 'step'] as const).flatMap((key) =>
      live.room(key, get.call(socket.liveSession, key)),
    )
    const own = [...socket.rooms].filter((room) => room.startsWith('live_session:value:'))
    expect(own.sort()).toEqual(wanted.sort())
  }
}
