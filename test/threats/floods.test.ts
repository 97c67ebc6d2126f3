/**
 * Own modules: V8 counts the steps of loops only in code compiled during the test.
 *
 * @jest-environment node
 */
import { describe, expect, it, jest } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { expectAtMost, workOf } from '../support/app/work.js'

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
    ['an exchange', 'live_session:sync', '{"set":[1]}'],
    ['an exchange of two arguments', 'live_session:sync', '{},{}'],
    ['an event of a part', 'live_session:take_flash', '1'],
  ])('fail unread past the limit, then lose the connection: %s', async (_, event, json) => {
    const { app, socket, ask } = await start()
    expect(await ask(event, json, 10)).toEqual(Array(10).fill(malformed))
    expect(await ask('live_session:sync', '{"set":[["division",-1,"",1]]}', 1)).toEqual([limited])
    expect(await ask(event, json, 9)).toEqual(Array(9).fill(limited))
    socket.send(`427["${event}",${json}]`)
    await closedAtOnce(socket)
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it('lose the connection without acknowledgements too', async () => {
    const { app, socket } = await start()
    for (let sent = 0; sent < 40; sent += 1) socket.send('42["live_session:sync",1]')
    await closedAtOnce(socket)
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it('affect neither other sockets nor later messages', async () => {
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

describe('threat 99: worthless tickets of a socket', () => {
  it.each([
    ['empty', '{"tickets":[""]}'],
    ['short', '{"tickets":["a"]}'],
    ['many', `{"tickets":${JSON.stringify(Array(50).fill('a.b.c'))}}`],
  ])('count like malformed messages: %s', async (_, json) => {
    const { app, socket, ask } = await start()
    const refused = expect.objectContaining({ ok: false, code: 'bad_ticket' })
    expect(await ask('live_session:sync', json, 10)).toEqual(Array(10).fill(refused))
    expect(await ask('live_session:sync', json, 10)).toEqual(Array(10).fill(limited))
    socket.send(`427["live_session:sync",${json}]`)
    await closedAtOnce(socket)
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it('count if they belong to another visitor', async () => {
    const { app, ask } = await start()
    const other = await app.visitor().connect()
    await other.change('division', 3)
    const json = JSON.stringify({ tickets: [(await other.ticket()).text] })
    const refused = expect.objectContaining({ ok: false, code: 'other_subject' })
    expect(await ask('live_session:sync', json, 11)).toEqual([...Array(10).fill(refused), limited])
  })
})

describe('an event of a megabyte', () => {
  it('compares the same large value once', async () => {
    const fields = defineFields({
      log: {
        schema: z.array(z.number()),
        default: [],
        client: 'write',
        cookie: false,
        maxBytes: 20_000,
        maxMembers: 7000,
      },
    })
    const app = await App.start<typeof fields>({ fields })
    const socket = await app.visitor(cookieFor(app.live, {})).connect()
    await socket.ticket()
    await socket.change(
      'log',
      Array.from({ length: 7000 }, () => 1),
    )
    const { text } = await socket.ticket()
    const stringify = jest.spyOn(JSON, 'stringify')
    await socket.sendTickets(text)
    const once = stringify.mock.calls.length
    await socket.sendTickets(...Array.from({ length: 50 }, () => text))
    const all = stringify.mock.calls.length - once
    stringify.mockRestore()
    expect(all).toBeLessThan(5 * (once + 100))
  })
})

describe('threat 13: an input of many small parts', () => {
  it.each<[string, number, (ticket: string) => string]>([
    [
      'good tickets',
      20_000,
      (ticket) => `42["live_session:sync",{"tickets":[${Array(2000).fill(`"${ticket}"`).join(',')}]}]`,
    ],
    [
      'changes',
      20_000,
      () => `42["live_session:sync",{"set":[${Array.from({ length: 60_000 }, (_, i) => `["${i}",1,""]`).join(',')}]}]`,
    ],
    ['bad items in a list', 100_000, () => `42["live_session:sync",{"set":[["cart",-1,"",[${'1,'.repeat(9_990)}1]]]}]`],
  ])('costs few steps: %s', async (_, steps, write) => {
    const app = await App.start()
    const socket = await RawSocket.enter(app.url, cookieFor(app.live, {}))
    const frame = RawSocket.frame(write(JSON.parse(socket.received.at(-1)?.slice(3) ?? '')[0].greeting[0]))
    const work = await workOf(async () => {
      socket.sendFrames(frame)
      await socket.ask('live_session:sync', '{"set":[["division",-1,"",1]]}')
    })
    expectAtMost(work, { steps, parsed: frame.length + 1000 })
  })

  it('gets a shorter response than the request', async () => {
    const app = await App.start()
    const body = `{"set":[["cart",-1,"",[${'1,'.repeat(9_990)}1]]]}`
    expect((await (await app.visitor().store(body)).text()).length).toBeLessThan(body.length)
  })
})

describe('threat 10: a key passed on from a browser', () => {
  it.each([
    ['null', null],
    ['a list', ['division']],
    ['a number', 5],
  ])('fails with a code as %s', async (_, key) => {
    const app = await App.start({
      routes: async (ctx) => {
        ctx.body = await ctx.liveSession.set(key as never, 1 as never).catch((error) => [error.code])
      },
    })
    expect(await (await app.visitor().fetch('/')).json()).toEqual(['undeclared_key'])
  })

  it('costs few steps and a short message', async () => {
    const app = await App.start()
    const key = 'x'.repeat(900_000)
    app.io.on('connection', (socket) => {
      socket.on('choose', (done) => void socket.liveSession.set(key as never, 1 as never).catch((e) => done(e.message)))
    })
    const { io } = await app.visitor().connect()
    let message = ''
    const work = await workOf(async () => {
      message = await io.emitWithAck('choose')
    })
    expect(message.length).toBeLessThan(1000)
    expectAtMost(work, { steps: 20_000, parsed: 2000 })
  })
})
