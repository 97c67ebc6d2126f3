import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { RawSocket } from '../support/raw-socket.js'

const limits = { changesPerSocket: 5 }
const malformed = expect.objectContaining({ ok: false, code: 'malformed' })
const limited = { ok: false, code: 'rate_limited' }

/** By the server, and not as it has not answered a ping. */
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

describe('threat 89: malformed messages over one socket', () => {
  it.each([
    ['an exchange', 'live_session:sync', '{"set":[1]}'],
    ['an exchange of two arguments', 'live_session:sync', '{},{}'],
    ['an event of a part', 'live_session:take_flash', '1'],
  ])('are refused unread beyond the limit, and the socket is closed if they go on: %s', async (_, event, json) => {
    const { app, socket, ask } = await start()
    expect(await ask(event, json, 10)).toEqual(Array(10).fill(malformed))
    // Good ones too: they are not read.
    expect(await ask('live_session:sync', '{"set":[["division",-1,"",1]]}', 1)).toEqual([limited])
    expect(await ask(event, json, 9)).toEqual(Array(9).fill(limited))
    socket.send(`427["${event}",${json}]`)
    await closedAtOnce(socket)
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it('are closed where they ask for no answer', async () => {
    const { app, socket } = await start()
    for (let sent = 0; sent < 40; sent += 1) socket.send('42["live_session:sync",1]')
    await closedAtOnce(socket)
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it('cost the socket nothing once the limit leaves room, nor the visitor\u2019s other sockets', async () => {
    const { app, visitor, ask } = await start()
    const other = await visitor.connect()
    await ask('live_session:sync', '1', 15)
    expect(await other.change('division', 1)).toHaveProperty('stamp')
    app.clock.advance(2000)
    expect(await ask('live_session:sync', '{"set":[["division",-1,"",2]]}', 1)).toEqual([
      expect.objectContaining({ results: [expect.objectContaining({ level: expect.any(String) })] }),
    ])
  })
})
