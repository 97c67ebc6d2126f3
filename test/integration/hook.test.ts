import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { storeSession } from 'koa-live-session/hook'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app.js'
import { bareSocket } from '../support/bare-socket.js'
import { bareTicket } from '../support/bare-ticket.js'
import type { Visitor } from '../support/visitor.js'

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

const LARGE_KEYS = ['a', 'b', 'c', 'd'] as const
const long = { schema: z.string(), default: '', client: 'write', cookie: false } as const
const large = defineFields({ a: long, b: long, c: long, d: long })

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
  globalThis.fetch = async (input, init = {}) => {
    // What the visitor's browser sends is none of the hook's.
    if (init.keepalive === undefined) return original.fetch(input, init)
    count += 1
    if (lose(count)) throw new TypeError('fetch failed')
    const answer = await visitor.store(String(init.body))
    done.push({ init, tickets: JSON.parse(String(init.body)).tickets, status: answer.status })
    return answer
  }
  const next = async (): Promise<Posted> => {
    for (;;) {
      const posted = done.shift()
      if (posted) return posted
      passTime()
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
  const hook = (options = {}): (() => void) => {
    const end = storeSession(io, options)
    ends.push(end)
    return end
  }
  return { app, visitor, io, hook, choose: (key: string, value: unknown) => io.emitWithAck('choose', key, value) }
}

describe('the small hook', () => {
  it('brings what a socket handler has set into the cookie, so that it survives a restart', async () => {
    const { app, visitor, hook, choose } = await open()
    const { next } = posts(visitor)
    hook()
    await choose('division', 3)
    expect((await next()).status).toBe(200)
    emptyCache(app.live)
    expect(await visitor.text('/')).toBe('3')
  })

  it('POSTs the newest ticket of each key, once for all that changed within a moment', async () => {
    const { visitor, hook, choose } = await open()
    const { next, counted } = posts(visitor)
    hook()
    for (const division of [1, 2, 3]) await choose('division', division)
    await choose('cart', ['a'])
    const { tickets } = await next()
    expect(tickets).toHaveLength(2)
    expect(counted()).toBe(1)
    expect(visitor.cookie).toContain('live=')
  })

  it('tries again what was lost', async () => {
    const { app, visitor, hook, choose } = await open()
    const { next, counted } = posts(visitor, (count) => count < 3)
    hook()
    await choose('division', 3)
    await next()
    expect(counted()).toBe(3)
    emptyCache(app.live)
    expect(await visitor.text('/')).toBe('3')
  })

  it('gives up a ticket that is refused, and brings the others', async () => {
    const { app, visitor, io, hook, choose } = await open()
    const { next } = posts(visitor)
    hook()
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
    hook()
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
    hook()
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
    // The ticket of a call has all that it has set: four of them, each the newest of one key.
    for (let count = 4; count > 0; count -= 1)
      await socket.set(...LARGE_KEYS.slice(0, count).map((key) => [key, -1, `${count}`.repeat(4000)] as const))
    const [first, second] = [await next(), await next()]
    expect([first.tickets.length, first.status, second.tickets.length, second.status]).toEqual([3, 200, 1, 200])
  })

  it('POSTs at once, with keepalive, as the page is left', async () => {
    const { visitor, hook, io } = await open()
    const { next, counted } = posts(visitor)
    hook({ headers: () => ({ 'x-csrf': 'token' }), credentials: 'include' })
    const heard = new Promise((resolve) => io.once('store_session', resolve))
    io.emit('choose', 'division', 3, () => undefined)
    await heard
    expect(counted()).toBe(0)
    page.dispatchEvent(new Event('pagehide'))
    expect(counted()).toBe(1)
    const { init } = await next()
    expect(init).toMatchObject({ keepalive: true, credentials: 'include', headers: { 'x-csrf': 'token' } })
  })

  it('brings nothing more once it was ended', async () => {
    const { visitor, io, hook, choose } = await open()
    const { counted } = posts(visitor)
    const listeners = io.listeners('store_session').length
    const end = hook()
    await choose('division', 3)
    end()
    page.dispatchEvent(new Event('pagehide'))
    await choose('division', 4)
    passTime()
    expect(counted()).toBe(0)
    expect(io.listeners('store_session')).toHaveLength(listeners)
  })

  it('reads tickets with text beyond ASCII', async () => {
    const { app, visitor, hook, choose } = await open()
    const { next } = posts(visitor)
    hook()
    await choose('cart', ['žluťoučký 🐎'])
    await next()
    emptyCache(app.live)
    const socket = await visitor.connect()
    expect((await socket.ticket()).claims.changes).toEqual([['cart', expect.any(Number), ['žluťoučký 🐎']]])
  })

  it('asks once for a cookie where its connection came without one, comes back, and brings what that one says', async () => {
    const app = await App.start()
    const visitor = app.visitor()
    const { io } = await visitor.connect()
    const bodies: unknown[] = []
    globalThis.fetch = async (input, init = {}) => {
      if (init.keepalive === undefined) return original.fetch(input, init)
      const answer = await visitor.store(String(init.body))
      bodies.push(JSON.parse(String(init.body)))
      Object.assign(io.io.opts, { extraHeaders: { cookie: visitor.cookie, origin: visitor.url } })
      return answer
    }
    ends.push(storeSession(io))
    const back = new Promise((resolve) => io.once('disconnect', () => io.once('store_session', resolve)))
    // It was connected already, and has missed its first ticket.
    io.disconnect().connect()
    await back
    const again = new Promise((resolve) => io.once('disconnect', () => io.once('store_session', resolve)))
    await again
    passTime()
    await io.timeout(5000).emitWithAck('live_session:set', [['division', -1, 7]])
    passTime()
    while (bodies.length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(bodies).toEqual([{}, { tickets: [expect.any(String)] }])
    expect((await (await visitor.store()).json()).held).toEqual([['division', expect.any(Number)]])
  })

  it('has its question end with its page: the cookie of a late answer could replace that of the guest who comes next', async () => {
    const { socket, refuse } = bareSocket()
    const asked = jest.fn(async (): Promise<Response> => Response.json({}))
    globalThis.fetch = asked as never
    ends.push(storeSession(socket))
    refuse('other_subject')
    expect(asked.mock.calls).toMatchObject([[expect.anything(), { keepalive: false }]])
  })

  it('asks no more, and brings nothing, where the browser keeps no cookie', () => {
    const { socket, hear, bodies, connects } = bareSocket()
    ends.push(storeSession(socket))
    for (let count = 0; count < 3; count += 1) hear({ sub: 'temporary', defaults: {}, changes: [['division', 1, 2]] })
    hear({ sub: 'temporary', changes: [['division', 2, 3]] })
    page.dispatchEvent(new Event('pagehide'))
    expect([bodies, connects()]).toEqual([[{}], 0])
  })

  it('asks where its handshake is refused as another\u2019s, and not where it is for anything else', async () => {
    const { socket, refuse, bodies, connects } = bareSocket()
    ends.push(storeSession(socket))
    for (const code of ['rate_limited', 'bad_origin', 'other_subject']) refuse(code)
    await new Promise((resolve) => setImmediate(resolve))
    expect([bodies, connects()]).toEqual([[{}], 1])
  })

  it('asks again, after a while, where it is refused again and again, and its question was lost', async () => {
    const { socket, refuse, connects } = bareSocket()
    const lost = jest.fn(async (): Promise<Response> => Promise.reject(new TypeError('fetch failed')))
    globalThis.fetch = lost
    ends.push(storeSession(socket))
    for (let count = 1; count < 4; count += 1) {
      refuse('other_subject')
      expect(lost).toHaveBeenCalledTimes(count === 1 ? 1 : count - 1)
      passTime()
      await new Promise((resolve) => setImmediate(resolve))
      expect([lost.mock.calls.length, connects()]).toEqual([count, count])
    }
  })

  it('asks at once after a greeting with a browser', async () => {
    const { socket, hear, refuse, bodies } = bareSocket()
    ends.push(storeSession(socket))
    refuse('other_subject')
    await new Promise((resolve) => setImmediate(resolve))
    hear({ sub: 'g', browser: 'g', defaults: {} })
    refuse('other_subject')
    expect(bodies).toEqual([{}, {}])
  })

  it('neither asks nor connects a socket again once it was ended', async () => {
    const { socket, refuse, bodies, connects } = bareSocket()
    const end = storeSession(socket)
    refuse('other_subject')
    refuse('other_subject')
    end()
    passTime()
    await new Promise((resolve) => setImmediate(resolve))
    expect([bodies, connects()]).toEqual([[{}], 0])
  })

  it.each(['keydown', 'pointerdown'])(
    'renews the cookie at a %s, once nothing was POSTed for as long as its server says',
    async (use) => {
      const { socket, hear, bodies } = bareSocket()
      const end = storeSession(socket)
      ends.push(end)
      const pass = (ms: number): void => void jest.spyOn(Date, 'now').mockReturnValue(Date.now() + ms)
      const used = (): number => {
        page.dispatchEvent(new Event(use))
        return bodies.length
      }
      pass(1e6)
      expect(used()).toBe(0)
      hear({ sub: 'g', browser: 'g', defaults: {} })
      expect([used(), bodies]).toEqual([1, [{ subject: 'g' }]])
      pass(299_999)
      expect(used()).toBe(1)
      pass(1)
      expect([used(), used()]).toEqual([2, 2])
      hear({ sub: 'g', browser: 'g', defaults: {}, renew: 15 })
      pass(15_000)
      expect(used()).toBe(3)
      hear({ sub: 'temporary', defaults: {} })
      await new Promise((resolve) => setImmediate(resolve))
      pass(1e6)
      expect([used(), bodies.at(-1)]).toEqual([4, {}])
      hear({ sub: 'g', browser: 'g', defaults: {} })
      end()
      expect(used()).toBe(4)
    },
  )
})
