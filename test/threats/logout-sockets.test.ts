import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App, type AppFields, type AppOptions } from '../support/app.js'
import { account, auth, identify } from '../support/auth.js'
import { Gate } from '../support/gate.js'

const before: NonNullable<AppOptions<AppFields>['before']> = (koa) => [auth(koa)]
const start = (routes = account): Promise<App> => App.start({ before, options: { identify } as never, routes })

describe('a socket of a user who has signed out', () => {
  it('is not let in, also where no field is the browser\u2019s own', async () => {
    const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write' } })
    const app = await App.start<typeof fields>({
      fields,
      before: (koa) => [auth(koa)],
      options: { identify } as never,
      routes: async (ctx) => {
        ctx['session'] = ctx.path === '/login' ? { user: 'ann' } : null
        await (ctx.path === '/login' ? ctx.liveSession.identify() : ctx.liveSession.leave())
        ctx.body = ''
      },
    })
    const visitor = app.visitor()
    await visitor.fetch('/login')
    const gate = new Gate()
    app.io.use((_socket, next) => void gate.pass().then(() => next()))
    const opening = expect(visitor.connect()).rejects.toThrow('transport close')
    await gate.entered
    await visitor.fetch('/logout')
    gate.open()
    await opening
    expect(app.io.sockets.sockets.size).toBe(0)
  })

  it('is ended where it had come before the browser had a live cookie', async () => {
    const app = await start(async (ctx) => {
      // A static page behind the app's own session: nothing of ours is used, so nothing of ours is issued.
      if (ctx.path === '/app-login') ctx['session'].user = 'ann'
      else await account(ctx, async () => undefined)
      ctx.body ??= ''
    })
    const visitor = app.visitor()
    await visitor.fetch('/app-login')
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.ticket()
    await socket.change('division', 3)
    await visitor.store({ tickets: [(await socket.ticket()).text] })
    expect(visitor.cookie).toMatch(/live=/)
    await visitor.fetch('/logout/leave')
    expect(await afterwards(socket.io)).toBe('ended')
  })

  it('is ended where it comes late with the cookies of before', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const late = app.visitor(visitor.cookie)
    await visitor.fetch('/logout/leave')
    const outcome = await late.connect().then(
      (socket) => afterwards(socket.io),
      () => 'refused',
    )
    expect(outcome).not.toBe('open')
  })
})

/** A round trip later: everything the server had to say before it has arrived. */
async function afterwards(io: {
  readonly connected: boolean
  once(event: 'disconnect', listener: () => void): unknown
  emitWithAck(event: string, sync: object): Promise<unknown>
}): Promise<'open' | 'ended'> {
  if (!io.connected) return 'ended'
  const ended = new Promise<'ended'>((resolve) => io.once('disconnect', () => resolve('ended')))
  const answered = io.emitWithAck('live_session:sync', {}).then(
    () => 'open' as const,
    () => 'ended' as const,
  )
  return Promise.race([ended, answered])
}
