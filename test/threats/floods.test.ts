import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { RawSocket } from '../support/app/raw-socket.js'

const limits = { changesPerSocket: 5 }
const malformed = expect.objectContaining({ ok: false, code: 'malformed' })
const limited = { ok: false, code: 'rate_limited' }

/** Expects the server to close the connection before any ping. */
async function closedAtOnce({ closed, received }: RawSocket): Promise<void> {
  await closed
  expect(received).not.toContain('2')
}

async function start() {
  const app = await App.start({ options: { limits } })
  const visitor = app.visitor(cookieFor(app.live, {}))
  const socket = await RawSocket.enter(app.url, visitor.cookie)
  const ask = async (event: string, json: string, times: number): Promise<unknown[]> => {
    const answers: unknown[] = []
    for (let sent = 0; sent < times; sent += 1) answers.push(await socket.ask(event, json))
    return answers
  }
  return { app, visitor, socket, ask }
}

describe('threat 89: malformed messages of a socket', () => {
  it.each([
    ['an exchange', 'live_session:exchange', '{"set":[1]}'],
    ['an exchange with two arguments', 'live_session:exchange', '{},{}'],
    ['an event of a feature', 'live_session:take_flash', '1'],
  ])('are refused unparsed past the limit, then close the connection: %s', async (_, event, json) => {
    const { app, socket, ask } = await start()
    expect(await ask(event, json, 10)).toEqual(Array(10).fill(malformed))
    expect(await ask('live_session:exchange', '{"set":[["division",-1,"",1]]}', 1)).toEqual([limited])
    expect(await ask(event, json, 9)).toEqual(Array(9).fill(limited))
    socket.send(`427["${event}",${json}]`)
    await closedAtOnce(socket)
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it('close the connection even without acknowledgements', async () => {
    const { app, socket } = await start()
    for (let sent = 0; sent < 40; sent += 1) socket.send('42["live_session:exchange",1]')
    await closedAtOnce(socket)
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it('affect neither other sockets nor later messages', async () => {
    const { app, visitor, ask } = await start()
    const other = await visitor.connect()
    await ask('live_session:exchange', '1', 15)
    expect(await other.change('division', 1)).toHaveProperty('stamp')
    app.clock.advance(2000)
    expect(await ask('live_session:exchange', '{"set":[["division",-1,"",2]]}', 1)).toEqual([
      expect.objectContaining({ results: [expect.objectContaining({ level: expect.any(String) })] }),
    ])
  })
})

describe('threat 99: worthless tickets of a socket', () => {
  it.each([
    ['empty', '{"tickets":[""]}'],
    ['short', '{"tickets":["a"]}'],
    ['many', `{"tickets":${JSON.stringify(Array(50).fill('a.b.c'))}}`],
  ])('count like malformed messages: %s', async (_, json) => {
    const { app, socket, ask } = await start()
    const refused = expect.objectContaining({ ok: false, code: 'bad_ticket' })
    expect(await ask('live_session:exchange', json, 10)).toEqual(Array(10).fill(refused))
    expect(await ask('live_session:exchange', json, 10)).toEqual(Array(10).fill(limited))
    socket.send(`427["live_session:exchange",${json}]`)
    await closedAtOnce(socket)
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it('count even if they are valid for another visitor', async () => {
    const { app, ask } = await start()
    const other = await app.visitor().connect()
    await other.change('division', 3)
    const json = JSON.stringify({ tickets: [(await other.ticket()).text] })
    const refused = expect.objectContaining({ ok: false, code: 'other_visitor' })
    expect(await ask('live_session:exchange', json, 11)).toEqual([...Array(10).fill(refused), limited])
  })
})
