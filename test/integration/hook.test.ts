import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { storeSession } from 'koa-live-session/hook'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import type { Visitor } from '../support/app/visitor.js'
import { afterZeroTimers, turns } from '../support/app/within.js'
import { bareTicket } from '../support/page/bare-ticket.js'
import { bareSocket } from './bare-socket.js'

const original = { fetch: globalThis.fetch }
const ends: (() => void)[] = []
let page = new EventTarget()
/** What the hook waits for: it passes when the test says so. */
let waits: (() => void)[] = []
const passTime = (): void => {
  for (const act of waits.splice(0)) act()
}
beforeEach(() => {
  page = new EventTarget()
  waits = []
  const { setTimeout: wait } = globalThis
  const hold = (act: () => void, ms: number): unknown => (WAITS.includes(ms) ? waits.push(act) : wait(act, ms))
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(hold as never)
  Object.assign(globalThis, {
    addEventListener: page.addEventListener.bind(page),
    removeEventListener: page.removeEventListener.bind(page),
  })
})
afterEach(() => {
  jest.restoreAllMocks()
  for (const end of ends.splice(0)) end()
  Object.assign(globalThis, original)
})

const LARGE_KEYS = ['a', 'b', 'c', 'd', 'e'] as const
const long = { schema: z.string(), default: '', client: 'write', cookie: false } as const
const large = defineFields({ a: long, b: long, c: long, d: long, e: long })

/** Resolves when the hook has read an answer from memory, which takes some turns of the event loop. */
async function soon(): Promise<void> {
  await afterZeroTimers()
  await turns(10)
}

/** ms: to collect changes, and after a failure. */
const WAITS = [100, 5000]

interface Posted {
  readonly init: RequestInit
  readonly tickets: readonly string[]
  readonly status: number
}

/** What the hook's POSTs come to; `lose` makes one fail. */
function posts(visitor: Visitor, lose: (count: number) => boolean = () => false) {
  const done: Posted[] = []
  let count = 0
  let isUnderWay = false
  globalThis.fetch = async (input, init = {}) => {
    // What the visitor's browser sends is none of the hook's.
    if (init.keepalive === undefined) return original.fetch(input, init)
    count += 1
    if (lose(count)) throw new TypeError('fetch failed')
    isUnderWay = true
    const answer = await visitor.store(String(init.body))
    isUnderWay = false
    done.push({ init, tickets: JSON.parse(String(init.body)).tickets, status: answer.status })
    return answer
  }
  const next = async (): Promise<Posted> => {
    for (;;) {
      const posted = done.shift()
      if (posted) return posted
      if (!isUnderWay) passTime()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { next, counted: () => count }
}

/** A visitor with a page whose server renders everything, and which says by its socket what to set. */
async function open() {
  const app = await App.start({
    routes: (ctx) => {
      ctx.body = ctx.liveSession.embed() && String(ctx.liveSession.get('division'))
    },
  })
  app.io.on('connection', (socket) => {
    socket.on('choose', (key, value, done) => void socket.liveSession.set(key, value).then(done))
  })
  const visitor = app.visitor()
  await visitor.text('/')
  const { io } = await visitor.connect()
  const hook = async (options = {}): Promise<() => void> => {
    const end = storeSession(io, options)
    ends.push(end)
    // It has asked before, so it was told.
    await io.emitWithAck('live_session:sync', {})
    return end
  }
  return { app, visitor, io, hook, choose: (key: string, value: unknown) => io.emitWithAck('choose', key, value) }
}

describe('the small hook', () => {
  it('gives up a ticket that is refused, and brings the others', async () => {
    const { app, visitor, io, hook, choose } = await open()
    const { next } = posts(visitor)
    await hook()
    const [hear] = io.listeners('store_session').slice(-1) as [(ticket: string) => void]
    hear(bareTicket({ sub: 'nothing', changes: [['theme', 1, 'dark']] }))
    await choose('division', 3)
    expect((await next()).status).toBe(403)
    const { tickets, status } = await next()
    expect([tickets.length, status]).toEqual([1, 200])
    emptyCache(app.live)
    expect(await visitor.text('/')).toBe('3')
  })

  it.each([
    ['a proxy that has no server', 503, { message: 'no healthy upstream' }],
    ['a guard of the app', 401, { error: 'sign in first' }],
    ['another page', 200, { ok: true }],
    ['the endpoint, but of no ticket', 429, { error: { code: 'rate_limited' } }],
  ])('brings it again where the answer is of %s', async (_, status, body) => {
    const { app, visitor, hook, choose } = await open()
    const { next } = posts(visitor)
    const { fetch } = globalThis
    let count = 0
    globalThis.fetch = async (input, init) => {
      if (init?.keepalive === undefined || count > 0) return fetch(input, init)
      count += 1
      return Response.json(body, { status })
    }
    await hook()
    await choose('division', 3)
    page.dispatchEvent(new Event('pagehide'))
    await next()
    emptyCache(app.live)
    expect(await visitor.text('/')).toBe('3')
  })

  it('goes on where an answer never comes', async () => {
    const { app, visitor, hook, choose } = await open()
    const { next, counted } = posts(visitor)
    const { fetch } = globalThis
    let held = false
    globalThis.fetch = async (input, init) => {
      if (init?.keepalive === undefined || held) return fetch(input, init)
      held = true
      return new Promise(() => undefined)
    }
    await hook()
    await choose('division', 3)
    page.dispatchEvent(new Event('pagehide'))
    expect([held, counted()]).toEqual([true, 0])
    await choose('cart', ['a'])
    expect((await next()).tickets).toHaveLength(2)
    emptyCache(app.live)
    expect(await visitor.text('/')).toBe('3')
  })

  it('brings no more in one POST than the endpoint takes, and the rest with the next', async () => {
    const app = await App.start({ fields: large })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    const { next } = posts(visitor)
    ends.push(storeSession(socket.io))
    // The ticket of a call has all that it has set: five of them, each the newest of one key.
    for (let count = 5; count > 0; count -= 1)
      await socket.set(...LARGE_KEYS.slice(0, count).map((key) => [key, -1, '', `${count}`.repeat(3500)] as const))
    const [first, second] = [await next(), await next()]
    expect([first.tickets.length, first.status, second.tickets.length, second.status]).toEqual([4, 200, 1, 200])
  })

  it('POSTs at once, with keepalive, as the page is left', async () => {
    const { visitor, hook, io } = await open()
    const { next, counted } = posts(visitor)
    await hook({ headers: () => ({ 'x-csrf': 'token' }), credentials: 'include' })
    const heard = new Promise((resolve) => io.once('store_session', resolve))
    io.emit('choose', 'division', 3, () => undefined)
    await heard
    expect(counted()).toBe(0)
    page.dispatchEvent(new Event('pagehide'))
    expect(counted()).toBe(1)
    const { init } = await next()
    expect(init).toMatchObject({ keepalive: true, credentials: 'include', headers: { 'x-csrf': 'token' } })
  })

  it('has its question end with its page: the cookie of a late answer could replace that of the guest who comes next', async () => {
    const { socket, greet } = bareSocket()
    const fetch = jest.fn(async (): Promise<Response> => Response.json({}))
    globalThis.fetch = fetch as never
    ends.push(storeSession(socket))
    greet({})
    expect(fetch.mock.calls).toMatchObject([[expect.anything(), { keepalive: false }]])
  })

  it('asks no more, and brings nothing, where the browser keeps no cookie', async () => {
    const { socket, greet, hear, bodies, connects } = bareSocket()
    ends.push(storeSession(socket))
    for (let count = 0; count < 3; count += 1) {
      // A user whose browser keeps no cookies is known all the same.
      greet({ who: 'ann' })
      hear({ changes: [['division', 1, 2]] })
      passTime()
      page.dispatchEvent(new Event('pagehide'))
      await soon()
    }
    expect([bodies, connects()]).toEqual([[{}], 1])
  })

  it('reconnects after twice the time if a connection does not say whose it is', () => {
    const { socket, fallSilent, waits, connects } = bareSocket()
    const end = storeSession(socket)
    for (let count = 0; count < 3; count += 1) fallSilent()
    end()
    fallSilent()
    expect([waits.slice(0, 3), connects()]).toEqual([[4000, 8000, 16_000], 3])
  })

  it('waits no longer after connections that were closed', () => {
    const { socket, drop, waits, connects } = bareSocket()
    ends.push(storeSession(socket))
    for (let count = 0; count < 3; count += 1) drop()
    expect([waits, connects()]).toEqual([[4000, 4000, 4000], 0])
  })

  it('comes back with the cookie that it asks for, whatever code its handshake is refused with', async () => {
    for (const code of ['rate_limited', 'bad_origin', 'other_subject']) {
      const { socket, refuse, bodies, connects } = bareSocket()
      ends.push(storeSession(socket))
      // That the server cannot be reached socket.io finds out by itself.
      refuse(undefined)
      await soon()
      expect([bodies.splice(0), connects()]).toEqual([[], 0])
      refuse(code)
      await soon()
      expect([bodies.splice(0), connects()]).toEqual([[{}], 1])
    }
  })

  it('asks again, after a while, where it is refused again and again, and its question was lost', async () => {
    const { socket, refuse, connects } = bareSocket()
    const lost = jest.fn(async (): Promise<Response> => Promise.reject(new TypeError('fetch failed')))
    globalThis.fetch = lost
    ends.push(storeSession(socket))
    for (let count = 1; count < 4; count += 1) {
      refuse('other_subject')
      await soon()
      expect(lost).toHaveBeenCalledTimes(count === 1 ? 1 : count - 1)
      passTime()
      await soon()
      expect([lost.mock.calls.length, connects()]).toEqual([count, count])
    }
  })

  it('names whose page it is once it was told, as it comes back and with each POST', () => {
    const { socket, greet, hear, asked, bodies } = bareSocket()
    ends.push(storeSession(socket))
    const ticket = hear({ changes: [['division', 1, 2]] })
    passTime()
    page.dispatchEvent(new Event('pagehide'))
    expect(bodies).toEqual([])
    greet()
    greet()
    page.dispatchEvent(new Event('pagehide'))
    expect([asked, bodies]).toEqual([[{}, { who: 'guest' }], [{ who: 'guest', tickets: [ticket] }]])
  })

  it('brings the newest change of each key, also where an older one of a server that knows less comes later', () => {
    const { socket, greet, hear, bodies } = bareSocket()
    ends.push(storeSession(socket))
    greet()
    const newer = hear({ changes: [['division', 20, 3]] })
    const both = hear({
      changes: [
        ['division', 10, 2],
        ['cart', 10, []],
      ],
    })
    hear({ changes: [['cart', 9, []]] })
    page.dispatchEvent(new Event('pagehide'))
    expect(bodies).toEqual([{ who: 'guest', tickets: [newer, both] }])
  })

  it('drops what was of another visitor, and brings what that one is greeted with', () => {
    const { socket, greet, hear, bodies } = bareSocket()
    ends.push(storeSession(socket))
    greet()
    hear({
      changes: [
        ['division', 20, 3],
        ['cart', 20, []],
      ],
    })
    const greeting = [bareTicket({ changes: [['division', 10, 5]] })]
    greet({ who: 'ann', kept: true, dropped: true, greeting })
    page.dispatchEvent(new Event('pagehide'))
    expect(bodies).toEqual([{ who: 'ann', tickets: greeting }])
  })

  it('drops what an answer to a POST has dropped, and comes back as who is there now', async () => {
    const { socket, greet, hear, bodies, connects } = bareSocket()
    ends.push(storeSession(socket))
    greet()
    hear({ changes: [['division', 20, 3]] })
    const { fetch } = globalThis
    globalThis.fetch = async (...given) => {
      await fetch(...given)
      return Response.json({ dropped: true, results: [], held: [] })
    }
    for (let count = 0; count < 3; count += 1) {
      passTime()
      await soon()
    }
    expect([bodies.length, connects()]).toEqual([1, 1])
  })

  it.each(['keydown', 'pointerdown'])(
    'renews the cookie at a %s, once nothing was POSTed for as long as its server says',
    async (use) => {
      const { socket, greet, bodies } = bareSocket()
      const end = storeSession(socket)
      ends.push(end)
      const pass = (ms: number): void => void jest.spyOn(Date, 'now').mockReturnValue(Date.now() + ms)
      const used = async (): Promise<number> => {
        page.dispatchEvent(new Event(use))
        passTime()
        await soon()
        return bodies.length
      }
      pass(1e6)
      expect(await used()).toBe(0)
      greet()
      expect([await used(), bodies]).toEqual([1, [{ who: 'guest', tickets: [] }]])
      pass(300_000)
      expect(await used()).toBe(1)
      pass(1)
      expect([await used(), await used()]).toEqual([2, 2])
      greet({ who: 'guest', kept: true, renew: 15 })
      pass(15_001)
      expect(await used()).toBe(3)
      greet({})
      await soon()
      pass(1e6)
      expect([await used(), bodies.at(-1)]).toEqual([4, {}])
      greet()
      end()
      expect(await used()).toBe(4)
    },
  )
})
