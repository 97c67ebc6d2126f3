import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'
import { RawSocket } from '../support/app/raw-socket.js'

async function start() {
  const app = await App.start()
  const socket = await RawSocket.enter(app.url, cookieFor(app.live, {}))
  /** Expects a response to another change, and no errors so far. */
  const answers = async (): Promise<void> => {
    expect(await socket.ask('live_session:exchange', '{"set":[["division",-1,"",9]]}')).toHaveProperty(
      'results.0.stamp',
    )
    expect(app.errors).toEqual([])
    socket.hangUp()
  }
  return { app, socket, answers }
}

describe('threat 19: an acknowledgement', () => {
  it('is sent only if the client asks for it', async () => {
    const { socket, answers } = await start()
    for (const args of ['', ',1,2,3', ',null', ',{}', ',{"set":[["division",-1,"","x"]]}', ',{"tickets":["a.b.c"]}']) {
      socket.send(`42["live_session:exchange"${args}]`)
    }
    const { length } = socket.received
    await answers()
    expect(socket.received.slice(length).filter((text) => text.startsWith('43'))).toHaveLength(1)
  })

  it('reports malformed arguments', async () => {
    const { socket, answers } = await start()
    for (const args of ['', ',{},{}', ',{},"ack"', ',{},{"call":1}', ',{},null', ',"ack"', ',0', ',{"length":1}']) {
      socket.send(`427["live_session:exchange"${args}]`)
      expect(JSON.parse((await socket.next('437')).slice(3))).toEqual([{ ok: false, code: 'malformed' }])
    }
    await answers()
  })

  it('reports binary data as malformed', async () => {
    const app = await App.start()
    const { io } = await app.visitor(cookieFor(app.live, {})).connect()
    for (const input of [
      Buffer.from('x'),
      [Buffer.from('x')],
      new Uint8Array(1000),
      { who: Buffer.from('x') },
      { tickets: [Buffer.from('x')] },
      { set: [[Buffer.from('division'), -1, '', 1]] },
    ]) {
      expect(await io.emitWithAck('live_session:exchange', input)).toMatchObject({ ok: false, code: 'malformed' })
    }
    const set = [
      ['cart', -1, '', Buffer.from('x')],
      ['division', -1, '', 9],
    ]
    expect(await io.emitWithAck('live_session:exchange', { set })).toMatchObject({
      results: [{ code: 'invalid_value' }, { stamp: expect.any(Number) }],
    })
    expect(app.errors).toEqual([])
  })

  it('is ignored when a client sends it unasked', async () => {
    const { socket, answers } = await start()
    for (const text of ['430[]', '430[]', '431[{"ok":true}]', '43999999999[null]', '430["__proto__"]'])
      socket.send(text)
    await answers()
  })

  it.each([
    ['announced bytes that never arrive', '451-["live_session:exchange",{"_placeholder":true,"num":0}]'],
    ['a packet of unknown type', '49["live_session:exchange"]'],
    ['an event without a name', '42[]'],
    ['an event that is not a list', '42{"0":"live_session:exchange"}'],
    ['a reserved event name', '42["disconnect"]'],
    ['a text that is not JSON', '42["live_session:exchange",'],
  ])('is not sent after %s; instead the connection closes', async (_, text) => {
    const { app, socket } = await start()
    socket.send(text)
    // Text in place of announced bytes closes the connection as well.
    socket.send('427["live_session:exchange",{}]')
    await socket.closed
    expect((await app.visitor().store()).status).toBe(200)
    expect(app.errors).toEqual([])
  })

  it('leaves no socket or room behind when the connection ends', async () => {
    const { app, socket } = await start()
    const ended = new Promise((resolve) =>
      app.io.sockets.sockets.forEach((each) => void each.on('disconnect', resolve)),
    )
    for (let i = 0; i < 100; i += 1) socket.send(`42${i}["live_session:exchange",{"set":[["division",-1,"",${i}]]}]`)
    socket.hangUp()
    await awaited('the end of the connection', ended)
    expect(app.io.sockets.sockets.size).toBe(0)
    expect([...app.io.sockets.adapter.rooms.keys()]).toEqual([])
    expect((await app.visitor().store()).status).toBe(200)
    expect(app.errors).toEqual([])
  })
})

describe('threat 19: an acknowledgement wrapped by the app', () => {
  it('reports the error of the wrapper to onError', async () => {
    const app = await App.start()
    const broken = new Error('the app\u2019s own')
    app.io.on('connection', (socket) => {
      socket.use((packet, next) => {
        if (packet[1]?.set?.[0]?.[0] !== 'cart') return next()
        packet[packet.length - 1] = () => {
          throw broken
        }
        next()
      })
    })
    const socket = await RawSocket.enter(app.url, cookieFor(app.live, {}))
    socket.send('421["live_session:exchange",{"set":[["cart",-1,"",["x"]]]}]')
    expect(await socket.ask('live_session:exchange', '{"set":[["division",-1,"",3]]}')).toHaveProperty(
      'results.0.stamp',
    )
    expect(app.errors).toEqual([broken])
  })
})
