import { once } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'
import { RawPolling } from '../support/app/raw-polling.js'
import { RawSocket } from '../support/app/raw-socket.js'

const text = { schema: z.string(), default: '', client: 'write', cookie: false, maxBytes: 24_000 } as const
const fields = defineFields({ key: text })
const VALUE = 'a'.repeat(17_000)
/** The least length of a response with the value; base64 makes its ticket only longer. */
const ANSWER = VALUE.length
const WHO = '427["live_session:exchange",{"who":"x"}]'
/** The most unsent bytes of a connection before the server closes it. */
const MOST = 2_000_000
/** The most unsent bytes of an ordinary page. */
const USUAL = 64_000

/** A guest with the largest value. */
async function start(cache: { maxGuestBytes?: number } = {}) {
  const app = await App.start<typeof fields>({
    fields,
    options: { cache, limits: { changesPerVisitor: 2000 } } as never,
  })
  const visitor = app.visitor(cookieFor(app.live, {}))
  await visitor.store({ set: [['key', -1, '', VALUE]] })
  return { app, visitor }
}

/** The newest connection. */
function connOf(app: App<typeof fields>) {
  const [socket] = [...app.io.of('/').sockets.values()].slice(-1)
  if (!socket) throw new Error('no socket')
  return socket.conn
}

describe('threat 82: a guest who asks and never reads', () => {
  it('loses its connection if it never polls', async () => {
    const { app, visitor } = await start()
    const polling = await RawPolling.enter(app.url, visitor.cookie)
    let answered = 0
    while (answered < 200 && (await polling.send(WHO)).status === 200) answered += 1
    expect(answered * ANSWER).toBeGreaterThan(MOST / 2)
    expect(answered * ANSWER).toBeLessThanOrEqual(MOST)
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it('loses its connection if its TCP window stays closed', async () => {
    const { app, visitor } = await start()
    const socket = await RawSocket.enter(app.url, visitor.cookie)
    const conn = connOf(app)
    const webSocket = Reflect.get(conn.transport, 'socket')
    const closed = once(webSocket, 'close')
    socket.stopReading()
    let most = 0
    // Only unsent bytes of the process count, not the kernel's buffers.
    conn.setMaxListeners(0)
    for (let sent = 0; sent < 800 && conn.readyState === 'open'; sent += 1) {
      const heard = Promise.race([once(conn, 'message'), once(conn, 'close')])
      socket.send(WHO)
      await awaited('an answer', heard)
      most = Math.max(most, webSocket.bufferedAmount)
    }
    expect(conn.readyState).toBe('closed')
    await awaited('the close of the connection', closed)
    expect(app.io.engine.clientsCount).toBe(0)
    expect(most).toBeLessThanOrEqual(MOST + 2 * ANSWER)
    socket.hangUp()
  })

  it('is disconnected when changes of other pages fill its buffer', async () => {
    const { app, visitor } = await start()
    await RawPolling.enter(app.url, visitor.cookie)
    const conn = connOf(app)
    for (let set = 0; set < 200 && conn.readyState === 'open'; set += 1) {
      app.clock.advance(1000)
      await visitor.store({ set: [['key', -1, '', `${set}${VALUE}`]] })
    }
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it.each<[string, (app: App<typeof fields>, text: string) => unknown]>([
    ['to all', (app, text) => app.io.emit('news', text)],
    ['to a room', (app, text) => app.io.to('room').emit('news', text)],
    ['to its socket', (app, text) => app.io.of('/').sockets.forEach((socket) => void socket.emit('news', text))],
  ])('loses its connection when the app’s own messages %s fill its buffer', async (_, emit) => {
    const { app, visitor } = await start()
    app.io.on('connection', (socket) => void socket.join('room'))
    await RawPolling.enter(app.url, visitor.cookie)
    const conn = connOf(app)
    let sent = 0
    for (; sent < 200 && conn.readyState === 'open'; sent += 1) emit(app, VALUE)
    expect(app.io.engine.clientsCount).toBe(0)
    expect(sent * VALUE.length).toBeGreaterThan(MOST / 2)
    expect(sent * VALUE.length).toBeLessThanOrEqual(MOST + 2 * VALUE.length)
  })

  it('loses its connection if all guests’ waiting responses exceed half of maxGuestBytes', async () => {
    const { app, visitor } = await start({ maxGuestBytes: 2_000_000 })
    const ask = async (polling: RawPolling): Promise<void> => {
      for (let asked = 0; asked < 10; asked += 1) await polling.send(WHO)
    }
    const enter = () => RawPolling.enter(app.url, visitor.cookie)
    for (let count = 0; count < 10; count += 1) {
      app.clock.advance(2000)
      await visitor.store({ set: [['key', -1, '', `${count}${VALUE}`]] })
      await ask(await enter())
    }
    const conns = Object.values<object>(Reflect.get(app.io.engine, 'clients'))
    const waiting = conns.map((conn) => JSON.stringify(Reflect.get(conn, 'writeBuffer')))
    // Half of maxGuestBytes, and the buffers of ordinary pages.
    expect(waiting.join('').length).toBeLessThanOrEqual(1_000_000 + 10 * USUAL)
    expect(waiting.length).toBeLessThan(10)
  })

  it('stays connected if it does read', async () => {
    const { app, visitor } = await start()
    const [socket, polling] = [
      await RawSocket.enter(app.url, visitor.cookie),
      await RawPolling.enter(app.url, visitor.cookie),
    ]
    for (let asked = 0; asked < 120; asked += 1) {
      expect(await socket.ask('live_session:exchange', '{"who":"x"}')).toMatchObject({ otherVisitor: true })
      await polling.send(WHO)
      expect((await polling.fetch()).text.length).toBeGreaterThan(ANSWER)
    }
    expect(app.io.engine.clientsCount).toBe(2)
  })
})
