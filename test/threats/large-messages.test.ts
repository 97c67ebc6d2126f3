/**
 * Loads modules of its own, because V8 counts the steps of loops only in code compiled during the test.
 *
 * @jest-environment node
 */
import { describe, expect, it, jest } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'
import { poll, send } from '../support/app/raw-http.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { expectAtMost, workOf } from '../support/app/work.js'

/** The most work an unread message may cost. */
const UNREAD = { steps: 20_000, parsed: 3000 }
/** The close code for too big messages (RFC 6455, 7.4.1). */
const TOO_BIG = 1009
const CONTINUATION = 0

const start = async (): Promise<App> => {
  return App.start({
    routes: (ctx) => {
      ctx.body = String(ctx.liveSession.get('division'))
    },
  })
}
const setting = (json: string): string => `42["live_session:exchange",{"set":[["cart",-1,"",${json}]]}]`
const many = (): string => `{${Array.from({ length: 200_000 }, (_, i) => `"${i.toString(36)}":0`).join(',')}}`

describe('threat 13: a message over the limit', () => {
  it.each<[string, () => Buffer]>([
    ['a string of 2 MB', () => RawSocket.frame(setting(`["${'x'.repeat(2_000_000)}"]`))],
    ['an object of 200,000 members', () => RawSocket.frame(setting(many()))],
    [
      '2 MB in two fragments',
      () => {
        const half = 'x'.repeat(1_000_000)
        return Buffer.concat([
          RawSocket.frame(setting(`["${half}`), false),
          RawSocket.frame(`${half}"]`, true, CONTINUATION),
        ])
      },
    ],
    [
      'the announcement of 4 GB',
      () => {
        const frame = RawSocket.frame('x')
        frame.writeBigUInt64BE(2n ** 32n, 2)
        return frame
      },
    ],
    ['2 MB of text without a type', () => RawSocket.frame('\u{1f600}'.repeat(500_000))],
  ])('is not read, and closes only its own connection: %s', async (_, make) => {
    const app = await start()
    const [attacker, other] = [cookieFor(app.live, { values: { division: 1 } }), cookieFor(app.live, {})]
    const page = await RawSocket.enter(app.url, other)
    const frames = make()
    const work = await workOf(async () => {
      const socket = await RawSocket.enter(app.url, attacker)
      const gone = new Promise((resolve) => {
        for (const { client } of app.io.sockets.sockets.values()) client.conn.once('close', resolve)
      })
      socket.sendFrames(frames)
      await awaited('the close of the connection', gone)
      expect(await socket.closed).toBe(TOO_BIG)
    })
    expectAtMost(work, UNREAD)
    expect(await page.ask('live_session:exchange', '{"set":[["division",-1,"",2]]}')).toHaveProperty('results.0.stamp')
    expect((await send(app.url, { headers: { cookie: attacker } })).text).toBe('1')
    expect(app.errors).toEqual([])
    page.hangUp()
  })

  it('is refused unread in a POST and in a poll', async () => {
    const app = await start()
    const cookie = cookieFor(app.live, { values: { division: 1 } })
    const headers = { cookie, origin: app.url, 'content-type': 'application/json' }
    const body = `{"set":[["cart",-1,["${'x'.repeat(2_000_000)}"]]]}`
    const opened = await send(`${app.url}/socket.io/?EIO=4&transport=polling`, { headers })
    const { sid } = JSON.parse(opened.text.slice(1))
    const statuses: number[] = []
    const work = await workOf(async () => {
      for (const path of ['/store_session', `/socket.io/?EIO=4&transport=polling&sid=${sid}`]) {
        // The server may close before the client has sent everything.
        const answer = send(app.url + path, { method: 'POST', headers, body }).catch(() => ({ status: 413 }))
        statuses.push((await answer).status)
      }
    })
    expect(new Set(statuses)).toEqual(new Set([413]))
    expect(work.parsed).toBe(0)
    expectAtMost(work, UNREAD)
    expect((await send(app.url, { headers: { cookie } })).text).toBe('1')
    expect(await poll(app.url, { cookie, origin: app.url })).toMatch(/^40/)
  })
})

describe('threat 13: a message under the limit', () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
  const ones = (count: number): string => `[${'1,'.repeat(count - 1)}1]`
  const changes = (): string => Array.from({ length: 60_000 }, (_, i) => `["${i}",1,""]`).join(',')
  const tickets = (ticket: string): string => Array(2000).fill(`"${ticket}"`).join(',')

  it.each<[string, number, (ticket: string) => string]>([
    ['a string', 1_000_000, () => setting(`"${'x'.repeat(950_000)}"`)],
    ['a list of a string', 1_000_000, () => setting(`["${'x'.repeat(950_000)}"]`)],
    ['a string of escapes', 1_000_000, () => setting(`["${'\\u0001'.repeat(150_000)}"]`)],
    ['a string of surrogates', 20_000, () => setting(`["${'\\ud800'.repeat(150_000)}"]`)],
    ['10,000 levels', 20_000, () => setting(nested(10_000))],
    ['10,000 levels of objects', 20_000, () => setting('{"a":'.repeat(10_000) + 1 + '}'.repeat(10_000))],
    ['10,000 strings', 100_000, () => setting(`[${'"",'.repeat(9_999)}""]`)],
    ['10,000 invalid items', 100_000, () => setting(ones(9_991))],
    ['half a million members', 100_000, () => setting(ones(490_001))],
    ['10,000 levels without an end', 20_000, () => setting('['.repeat(10_000))],
    ['2,000 valid tickets', 20_000, (ticket) => `42["live_session:exchange",{"tickets":[${tickets(ticket)}]}]`],
    ['60,000 changes', 20_000, () => `42["live_session:exchange",{"set":[${changes()}]}]`],
  ])('costs one parse and few steps: %s', async (_, steps, write) => {
    const app = await start()
    const cookie = cookieFor(app.live, { values: { division: 1 } })
    const socket = await RawSocket.enter(app.url, cookie)
    const frame = RawSocket.frame(write(JSON.parse(socket.received.at(-1)?.slice(3) ?? '')[0].greeting[0]))
    const work = await workOf(async () => {
      socket.sendFrames(frame)
      await Promise.race([socket.closed, socket.ask('live_session:exchange', '{}')])
    })
    expectAtMost(work, { steps, parsed: frame.length + 1000 })
    expect((await send(app.url, { headers: { cookie } })).text).toBe('1')
    socket.hangUp()
  })

  it('gets a response shorter than itself', async () => {
    const body = `{"set":[["cart",-1,"",${ones(9_991)}]]}`
    expect((await (await (await start()).visitor().store(body)).text()).length).toBeLessThan(body.length)
  })
})

describe('an event of a megabyte', () => {
  it('costs one comparison for all copies of a large value', async () => {
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

describe('threat 10: a key passed on from a browser', () => {
  it.each([
    ['null', null],
    ['a list', ['division']],
    ['a number', 5],
  ])('fails with undeclared_key: %s', async (_, key) => {
    const app = await App.start({
      routes: async (ctx) => {
        ctx.body = await ctx.liveSession.set(key as never, 1 as never).catch((error) => [error.code])
      },
    })
    expect(await (await app.visitor().fetch('/')).json()).toEqual(['undeclared_key'])
  })

  it('costs few steps, and gets a short error message', async () => {
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
