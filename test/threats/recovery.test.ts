import { once } from 'node:events'
import { afterEach, describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { Server, type ServerOptions } from 'socket.io'
import { connect, type Socket } from 'socket.io-client'
import { z } from 'zod'
import { readClaims } from '../support/socket.js'

type Recovery = ServerOptions['connectionStateRecovery']

const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write' } })
const running: (() => void)[] = []
afterEach(() => {
  for (const stop of running.splice(0)) stop()
})

/** A server with connection state recovery, where the header of a handshake says who it is. */
async function start(recovery: Recovery) {
  const app = new Koa({ keys: ['x'.repeat(32)] })
  const live = liveSession(app, { fields, identify: (ctx) => ctx.get('x-user') })
  app.use(live.middleware())
  const http = app.listen(0, '127.0.0.1')
  const io = new Server(http, { connectionStateRecovery: recovery })
  running.push(() => void io.close())
  await once(http, 'listening')
  const address = http.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const open = (user: string): Socket => {
    const options = { transports: ['websocket'], forceNew: true, reconnectionDelay: 1 }
    const socket = connect(url, { ...options, extraHeaders: { 'x-user': user, origin: url } })
    running.push(() => void socket.disconnect())
    return socket
  }
  return { io, live, open }
}

const ticket = async (socket: Socket): Promise<ReturnType<typeof readClaims>> => {
  return new Promise((resolve) => socket.once('store_session', (text: string) => resolve(readClaims(text))))
}

describe('threat 20: connection state recovery', () => {
  it.each([
    ['as it comes', {}],
    ['skipping middleware', { skipMiddlewares: true }],
  ])('is refused %s: it would let a socket back in after a logout', async (_, recovery) => {
    const { io, live } = await start(recovery as Recovery)
    expect(() => live.attach(io, { handshake: [] })).toThrow(
      new TypeError(
        'koa-live-session: attach(io): connectionStateRecovery lets a socket back in without asking who it is, ' +
          'after a logout too. Set connectionStateRecovery: { skipMiddlewares: false }',
      ),
    )
  })

  it('brings nobody else’s rooms back where it does not skip middleware', async () => {
    const { io, live, open } = await start({ maxDisconnectionDuration: 60_000, skipMiddlewares: false })
    live.attach(io, { handshake: [] })
    const socket = open('ann')
    const first = await ticket(socket)
    // Recovery needs a message after which the browser was lost.
    const greeted = new Promise((resolve) => socket.once('app', resolve))
    io.emit('app', 'hello')
    await greeted
    const opts: { extraHeaders?: Record<string, string> } = socket.io.opts
    opts.extraHeaders = { ...opts.extraHeaders, 'x-user': 'bob' }
    const again = ticket(socket)
    socket.io.engine.close()
    const second = await again
    expect(socket.recovered).toBe(true)
    expect(second.sub).not.toBe(first.sub)
    const ofAnn: string[] = []
    socket.on('store_session', (text: string) => ofAnn.push(readClaims(text).sub))
    await (await live.user('ann')).set('division', 7)
    const bobs = ticket(socket)
    await (await live.user('bob')).set('division', 8)
    expect((await bobs).changes).toEqual([['division', expect.any(Number), 8]])
    expect(ofAnn).toEqual([second.sub])
  })
})
