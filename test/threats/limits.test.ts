import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { atScale } from '../support/app/scale.js'
import type { TestSocket } from '../support/app/socket.js'
import { startWithUsers } from '../support/app/users.js'

const limited = { ok: false, code: 'rate_limited' }
const limits = { changesPerSocket: 5, changesPerVisitor: 8, socketsPerVisitor: 3 }
const CHANGE = { set: [['division', -1, '', 1]] }
const startWithLimits = () => startWithUsers({ options: { limits } as never })

/** Sends so many changes, and counts refusals. */
async function flood(socket: TestSocket, changes: number): Promise<number> {
  const answers = await Promise.all(Array.from({ length: changes }, (_, value) => socket.change('division', value)))
  const refused = answers.filter((answer) => 'code' in answer)
  for (const answer of refused) expect(answer).toEqual(limited)
  return refused.length
}

describe('threat 17: the rate limit of changes', () => {
  it('refuses changes of a socket after a burst of twice the rate', async () => {
    const app = await App.start({ options: { limits } })
    const socket = await app.visitor().connect()
    expect(await flood(socket, 30)).toBe(20)
    expect(await socket.change('division', 99)).toEqual(limited)
    app.clock.advance(1000)
    expect(await flood(socket, 6)).toBe(1)
  })

  it('holds for all sockets and POSTs of a visitor together', async () => {
    const app = await App.start({ options: { limits } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const [one, two] = [await visitor.connect(), await visitor.connect()]
    expect((await flood(one, 10)) + (await flood(two, 10))).toBe(4)
    const answer = await visitor.store(CHANGE)
    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('1')
    expect((await answer.json()).error).toMatchObject({ code: 'rate_limited' })
    expect((await visitor.store()).status).toBe(200)
    app.clock.advance(1000)
    expect((await visitor.store(CHANGE)).status).toBe(200)
  })

  it('counts each change of a message, even a refused change', async () => {
    const app = await App.start({ options: { limits } })
    const socket = await app.visitor().connect()
    for (let i = 0; i < 5; i += 1) {
      const answer = await socket.set(['division', -1, '', 1], ['nope', -1, '', 1])
      expect(answer).toMatchObject({ results: [{ stamp: expect.any(Number) }, { code: 'undeclared_key' }] })
    }
    expect(await socket.change('division', 1)).toEqual(limited)
  })

  it('counts no tickets', async () => {
    const app = await App.start({ options: { limits } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    await flood(socket, 10)
    const { text } = socket.tickets.at(-1) ?? (await socket.ticket())
    for (let i = 0; i < 50; i += 1) expect((await visitor.store({ tickets: [text] })).status).toBe(200)
    for (let i = 0; i < 50; i += 1) expect(await socket.sendTickets(text)).toHaveProperty('results')
  })

  it('accepts one message larger than the burst', async () => {
    const app = await App.start({ options: { limits: { ...limits, changesPerSocket: 0.5 } } })
    const socket = await app.visitor().connect()
    expect(await socket.set(['division', -1, '', 1], ['cart', -1, '', []])).toHaveProperty('results')
    app.clock.advance(3999)
    expect(await socket.change('division', 1)).toEqual(limited)
    app.clock.advance(1)
    expect(await socket.change('division', 1)).toHaveProperty('stamp')
  })

  it('counts no changes of the app itself', async () => {
    const app = await App.start({
      options: { limits },
      routes: async (ctx) => {
        for (let value = 0; value < 100; value += 1) await ctx.liveSession.set('division', value)
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    expect(await app.visitor().text('/')).toBe('99')
  })
})

/** Sends requests in sequence, and returns the statuses. */
async function statusesOf(count: number, send: () => Promise<Response>): Promise<number[]> {
  const statuses: number[] = []
  for (let sent = 0; sent < count; sent += 1) statuses.push((await send()).status)
  return statuses
}

describe('threat 45: changes by POSTs without a cookie', () => {
  it('share a limit that exempts visitors with cookies, users and empty POSTs', async () => {
    const app = await startWithLimits()
    const ann = app.visitor()
    await ann.fetch('/login/unused?user=ann')
    const post = () => app.visitor().store(CHANGE)
    expect(await statusesOf(17, post)).toEqual([...Array(16).fill(200), 429])
    const refusal = await post()
    expect([refusal.headers.get('retry-after'), refusal.headers.getSetCookie()]).toEqual(['1', []])
    const visitor = app.visitor()
    expect((await visitor.store()).status).toBe(200)
    expect([(await visitor.store(CHANGE)).status, (await ann.store(CHANGE)).status]).toEqual([200, 200])
    app.clock.advance(1000)
    expect(await statusesOf(9, post)).toEqual([...Array(8).fill(200), 429])
  })

  it.each([
    ['garbage', 'live=garbage; live.sig=garbage', 200],
    ['retired', '', 409],
  ])('share the limit even with a worthless cookie: %s', async (_, garbage, status) => {
    const app = await App.start({ options: { limits }, routes: (ctx) => ctx.liveSession.leave() })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const cookie = garbage === '' ? visitor.cookie : garbage
    await visitor.fetch('/')
    const statuses = await statusesOf(17, () => app.visitor().store(CHANGE, { cookie }))
    expect(statuses).toEqual([...Array(16).fill(status), 429])
  })
})

describe('threat 68: changes by sockets without a cookie', () => {
  /** Sends two changes over each of so many new sockets, and counts refusals. */
  async function floodBySockets(app: App, sockets: number): Promise<number> {
    let refused = 0
    for (let opened = 0; opened < sockets; opened += 1) refused += await flood(await app.visitor().connect(), 2)
    return refused
  }

  it('share a limit with each other and with POSTs', async () => {
    const app = await startWithLimits()
    const [guest, ann] = [app.visitor(cookieFor(app.live, {})), app.visitor()]
    await ann.fetch('/login/unused?user=ann')
    const sockets = [await guest.connect(), await ann.connect()]
    expect(await floodBySockets(app, 12)).toBe(8)
    expect((await app.visitor().store(CHANGE)).status).toBe(429)
    for (const socket of sockets) expect(await socket.change('division', 1)).toHaveProperty('stamp')
    app.clock.advance(1000)
    expect(await floodBySockets(app, 5)).toBe(2)
  })
})

describe('threat 112: the limit shared by all without a cookie', () => {
  const changes = (count: number) => ({ set: Array.from({ length: count }, (_, value) => ['division', -1, '', value]) })

  it('refuses a message larger than the burst for good', async () => {
    const app = await App.start({ options: { limits } })
    const answer = await app.visitor().store(changes(17))
    expect([answer.status, (await answer.json()).error.code]).toEqual([400, 'too_large'])
    const socket = await app.visitor().connect()
    expect(await socket.set(...(changes(17).set as never[]))).toEqual({ ok: false, code: 'too_large' })
    expect(await socket.change('division', 1)).toHaveProperty('stamp')
    expect((await app.visitor().store(changes(15))).status).toBe(200)
    expect((await app.visitor().store(changes(1))).status).toBe(429)
    app.clock.advance(1000)
    expect((await app.visitor().store(changes(8))).status).toBe(200)
  })

  it('does not stop the links of newcomers, which have a limit of their own', async () => {
    const app = await App.start({
      fields: defineFields({ division: { schema: z.number().int(), default: -1, client: 'write', url: 'division' } }),
      options: { limits } as never,
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    expect((await app.visitor().store(changes(16))).status).toBe(200)
    expect((await app.visitor().store(changes(1))).status).toBe(429)
    const open = async (value: number): Promise<string> => {
      return (await app.visitor().fetch(`/?division=${value}`, { headers: { 'sec-fetch-dest': 'document' } })).text()
    }
    for (let value = 0; value < 16; value += 1) expect(await open(value)).toBe(String(value))
    expect(await open(16)).toBe('-1')
  })
})

describe('threat 57: requests for a cookie', () => {
  it('count against limits other than those of changes', async () => {
    const app = await App.start({ options: { limits } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const limit = [...Array(16).fill(200), 429]
    expect(await statusesOf(17, () => app.visitor().store())).toEqual(limit)
    expect((await app.visitor().store(CHANGE)).status).toBe(200)
    expect(await statusesOf(17, () => visitor.store())).toEqual(limit)
    expect((await visitor.store(CHANGE)).status).toBe(200)
  })
})

describe('threat 49: messages full of tickets', () => {
  /** Fills a POST with copies of a valid ticket. */
  async function start() {
    const app = await App.start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 7)
    const { text } = await socket.ticket()
    const tickets = Array.from({ length: Math.floor(57_000 / (text.length + 3)) }, () => text)
    return { app, visitor, socket, text, tickets }
  }

  it('fail past the limit of POSTs, with Retry-After', async () => {
    const { app, visitor, tickets } = await start()
    const statuses = await statusesOf(30, () => visitor.store({ tickets }))
    expect([statuses[0], statuses.at(-1)]).toEqual([200, 429])
    const refusal = await visitor.store({ tickets })
    expect([refusal.headers.get('retry-after'), (await refusal.json()).error.code]).toEqual(['1', 'rate_limited'])
    app.clock.advance(1000)
    expect((await visitor.store({ tickets })).status).toBe(200)
  })

  it('share one limit across sockets and POSTs', async () => {
    const { visitor, socket, tickets } = await start()
    expect(await socket.sendTickets(...tickets)).toHaveProperty('results')
    for (let i = 0; i < 28; i += 1) await socket.sendTickets(...tickets)
    expect(await socket.sendTickets(...tickets)).toEqual(limited)
    expect((await visitor.store({ tickets })).status).toBe(429)
    expect(await socket.change('division', 8)).toHaveProperty('stamp')
  })

  it('share one limit across browsers without a cookie', async () => {
    const { app, tickets } = await start()
    expect((await statusesOf(30, () => app.visitor().store({ tickets }))).at(-1)).toBe(429)
  })

  it('succeed at the pace of a page with many large changes', async () => {
    const { app, visitor, text } = await start()
    const tickets = Array.from({ length: Math.floor(48_000 / text.length) }, () => text)
    // Four POSTs a second, each retried once.
    for (let post = 0; post < atScale(10, 60) * 4; post += 1) {
      app.clock.advance(250)
      expect(await statusesOf(2, () => visitor.store({ tickets }))).toEqual([200, 200])
    }
  })
})
