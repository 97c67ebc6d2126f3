import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import type { AttachOptions } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import type { Visitor } from '../support/app/visitor.js'
import { afterZeroTimers, turns, within } from '../support/app/within.js'
import { bareTicket } from '../support/page/bare-ticket.js'
import { bareSocket, hookPage } from './hook-page.js'

const { begin, dispatch, intercept, passTime } = hookPage()

/** Resolves when the hook has read an answer that needs no network. */
async function soon(): Promise<void> {
  await afterZeroTimers()
  await turns(10)
}

interface Posted {
  readonly init: RequestInit
  readonly tickets: readonly string[]
  readonly status: number
}

/** Sends the hook's POSTs from the visitor's browser; `next` lets time pass until the next response. */
function posts(visitor: Visitor, first?: () => Promise<Response>) {
  const done: Posted[] = []
  let count = 0
  let isInFlight = false
  intercept(async (init) => {
    count += 1
    if (first && count === 1) return first()
    isInFlight = true
    const answer = await visitor.store(String(init.body))
    isInFlight = false
    done.push({ init, tickets: JSON.parse(String(init.body)).tickets, status: answer.status })
    return answer
  })
  const next = async (): Promise<Posted> => {
    for (;;) {
      const posted = done.shift()
      if (posted) return posted
      if (!isInFlight) passTime()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { next, counted: () => count }
}

/** A visitor of a server-rendered page; the handler of its socket sets values. */
async function open(attach: AttachOptions = { handshake: [] }) {
  const app = await App.start({
    attach,
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
  const hook = async (options = {}): Promise<void> => {
    begin(io, options)
    // The answer to the hook's own, earlier message comes first.
    await io.emitWithAck('live_session:exchange', {})
  }
  return { app, visitor, io, hook, choose: (key: string, value: unknown) => io.emitWithAck('choose', key, value) }
}

describe('the small hook, with a server', () => {
  it('discards a refused ticket, and sends the others', async () => {
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

  it.each<[string, () => Promise<Response>]>([
    ['a proxy', async () => Response.json({ message: 'no healthy upstream' }, { status: 503 })],
    ['a guard', async () => Response.json({ error: 'sign in first' }, { status: 401 })],
    ['another page', async () => Response.json({ ok: true })],
    ['a busy endpoint', async () => Response.json({ error: { code: 'rate_limited' } }, { status: 429 })],
    ['nobody', () => new Promise(() => undefined)],
  ])('retries a POST that %s answered', async (_, first) => {
    const { app, visitor, hook, choose } = await open()
    const { next } = posts(visitor, first)
    await hook()
    await choose('division', 3)
    dispatch('pagehide')
    await next()
    emptyCache(app.live)
    expect(await visitor.text('/')).toBe('3')
  })

  it('splits tickets into several POSTs', async () => {
    const keys = ['a', 'b', 'c', 'd', 'e'] as const
    const long = { schema: z.string(), default: '', client: 'write', cookie: false } as const
    const app = await App.start({ fields: defineFields({ a: long, b: long, c: long, d: long, e: long }) })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    const { next } = posts(visitor)
    begin((await visitor.connect()).io)
    // A ticket has all changes of its call, so each of the five tickets has the newest change of a key.
    for (let count = 5; count > 0; count -= 1)
      await socket.set(...keys.slice(0, count).map((key) => [key, -1, '', `${count}`.repeat(3500)] as const))
    const [first, second] = [await next(), await next()]
    expect([first.tickets.length, first.status, second.tickets.length, second.status]).toEqual([4, 200, 1, 200])
  })

  it('POSTs immediately with keepalive on pagehide', async () => {
    const { visitor, hook, io } = await open()
    const { next, counted } = posts(visitor)
    await hook({ headers: () => ({ 'x-csrf': 'token' }), credentials: 'include' })
    const heard = once(io, 'store_session')
    io.emit('choose', 'division', 3, () => undefined)
    await heard
    expect(counted()).toBe(0)
    dispatch('pagehide')
    expect(counted()).toBe(1)
    const { init } = await next()
    expect(init).toMatchObject({ keepalive: true, credentials: 'include', headers: { 'x-csrf': 'token' } })
  })
})

describe('the small hook, when handshakes fail', () => {
  it.each(['handshake middleware', 'an io.use() of the app'])('reconnects however often %s fails', async (call) => {
    let failures = 0
    let handshakes = 0
    const attempt = (): void => {
      handshakes += 1
      failures -= 1
      if (failures >= 0) throw new Error('the sessions are away')
    }
    const handshake: Koa.Middleware = (_, next) => {
      if (call === 'handshake middleware') attempt()
      return next()
    }
    const { app, visitor, io, hook, choose } = await open({ handshake })
    app.io.use((_, next) => {
      try {
        if (call !== 'handshake middleware') attempt()
        next()
      } catch (error) {
        next(error as Error)
      }
    })
    const { next } = posts(visitor)
    await hook()
    io.io.reconnection(true).reconnectionDelay(1).reconnectionDelayMax(1)
    failures = 4
    handshakes = 0
    for (const { conn } of app.io.sockets.sockets.values()) conn.close()
    await once(io, 'disconnect')
    const isBack = async (): Promise<boolean> => {
      passTime()
      return io.connected
    }
    expect(await within(isBack, Boolean)).toBe(true)
    expect(handshakes).toBe(5)
    await choose('division', 3)
    while (!(await next()).tickets?.length);
    emptyCache(app.live)
    expect(await visitor.text('/')).toBe('3')
    expect(app.warnings.filter((text) => text.includes('the socket was refused'))).toHaveLength(1)
  })
})

describe('the small hook', () => {
  it('asks for a cookie without keepalive, lest it replace a newer cookie', () => {
    const { socket, greet } = bareSocket()
    const fetch = jest.fn(async (): Promise<Response> => Response.json({}))
    globalThis.fetch = fetch as never
    begin(socket)
    greet({})
    expect(fetch.mock.calls).toMatchObject([[expect.anything(), { keepalive: false }]])
  })

  it('asks for a cookie once, then POSTs nothing, if cookies are blocked', async () => {
    const { socket, greet, hear, bodies, connects } = bareSocket()
    begin(socket)
    for (let count = 0; count < 3; count += 1) {
      // The server names a user even without the live cookie.
      greet({ who: 'ann' })
      hear({ changes: [['division', 1, 2]] })
      passTime()
      dispatch('pagehide')
      await soon()
    }
    expect([bodies, connects()]).toEqual([[{}], 1])
  })

  it('asks nothing after its stop', async () => {
    const { socket, greet, asked } = bareSocket()
    globalThis.fetch = async () => Promise.reject(new TypeError('fetch failed'))
    const end = begin(socket)
    greet({})
    await soon()
    end()
    const messages = asked.length
    passTime()
    expect(asked).toHaveLength(messages)
  })

  it('asks again later if its question got no answer', async () => {
    const { socket, greet, asked, connects } = bareSocket()
    const answers = [Response.json({ error: { code: 'store_unavailable' } }, { status: 503 }), new Response('busy')]
    const fetch = jest.fn(
      async (): Promise<Response> => answers.shift() ?? Response.json({ results: [], persisted: [] }),
    )
    globalThis.fetch = fetch as never
    begin(socket)
    for (let count = 1; count < 4; count += 1) {
      greet({})
      await soon()
      greet({})
      await soon()
      expect([fetch.mock.calls.length, connects()]).toEqual([count, count === 3 ? 1 : 0])
      passTime()
    }
    const messages = asked.length
    greet({})
    passTime()
    await soon()
    expect([fetch.mock.calls.length, asked.length - messages]).toEqual([3, 1])
  })

  it('reconnects a silent connection with exponential backoff', () => {
    const { socket, fallSilent, waits, connects } = bareSocket()
    const end = begin(socket)
    for (let count = 0; count < 3; count += 1) fallSilent()
    end()
    fallSilent()
    expect([waits.slice(0, 3), connects()]).toEqual([[4000, 8000, 16_000], 3])
  })

  it('does not back off after closed connections', () => {
    const { socket, drop, waits, connects } = bareSocket()
    begin(socket)
    for (let count = 0; count < 3; count += 1) drop()
    expect([waits, connects()]).toEqual([[4000, 4000, 4000], 0])
  })

  it.each(['rate_limited', 'bad_origin', 'other_visitor', undefined])(
    'asks for a cookie after a refusal with the code %s, and reconnects',
    async (code) => {
      const { socket, fail, refuse, bodies, connects } = bareSocket()
      begin(socket)
      fail()
      await soon()
      expect([bodies.splice(0), connects()]).toEqual([[], 0])
      refuse(code)
      await soon()
      expect([bodies.splice(0), connects()]).toEqual([[{}], 1])
    },
  )

  it('delays further requests for a cookie after repeated refusals', async () => {
    const { socket, refuse, connects } = bareSocket()
    const lost = jest.fn(async (): Promise<Response> => Promise.reject(new TypeError('fetch failed')))
    globalThis.fetch = lost
    begin(socket)
    for (let count = 1; count < 4; count += 1) {
      refuse('other_visitor')
      await soon()
      expect(lost).toHaveBeenCalledTimes(count === 1 ? 1 : count - 1)
      passTime()
      await soon()
      expect([lost.mock.calls.length, connects()]).toEqual([count, count])
    }
  })

  it('plans a single attempt, and none once reconnected or stopped', async () => {
    const { socket, fail, refuse, bodies, connects } = bareSocket()
    const end = begin(socket)
    refuse()
    await soon()
    for (let count = 0; count < 3; count += 1) refuse()
    passTime()
    await soon()
    expect([bodies.length, connects()]).toEqual([2, 2])
    refuse()
    fail()
    passTime()
    await soon()
    refuse()
    end()
    passTime()
    await soon()
    expect([bodies.length, connects()]).toEqual([2, 2])
  })

  it('after a greeting names its visitor in each message', () => {
    const { socket, greet, hear, asked, bodies } = bareSocket()
    begin(socket)
    const ticket = hear({ changes: [['division', 1, 2]] })
    passTime()
    dispatch('pagehide')
    expect(bodies).toEqual([])
    greet()
    greet()
    dispatch('pagehide')
    expect([asked, bodies]).toEqual([[{}, { who: 'guest' }], [{ who: 'guest', tickets: [ticket] }]])
  })

  it('POSTs the newest change of each key, whatever the order of arrival', () => {
    const { socket, greet, hear, bodies } = bareSocket()
    begin(socket)
    greet()
    const newer = hear({ changes: [['division', 20, 3]] })
    const both = hear({ changes: ['division', 'cart'].map((key) => [key, 10, []]) })
    hear({ changes: [['cart', 9, []]] })
    dispatch('pagehide')
    expect(bodies).toEqual([{ who: 'guest', tickets: [newer, both] }])
  })

  it("discards a former visitor's tickets, and POSTs the new greeting's tickets", () => {
    const { socket, greet, hear, bodies } = bareSocket()
    begin(socket)
    greet()
    hear({ changes: ['division', 'cart'].map((key) => [key, 20, []]) })
    const greeting = [bareTicket({ changes: [['division', 10, 5]] })]
    greet({ who: 'ann', hasCookie: true, otherVisitor: true, greeting })
    dispatch('pagehide')
    expect(bodies).toEqual([{ who: 'ann', tickets: greeting }])
  })

  it('discards its tickets and reconnects after a dropped POST', async () => {
    const { socket, greet, hear, bodies, connects } = bareSocket()
    begin(socket)
    greet()
    hear({ changes: [['division', 20, 3]] })
    const { fetch } = globalThis
    globalThis.fetch = async (...given) => {
      await fetch(...given)
      return Response.json({ otherVisitor: true, results: [], persisted: [] })
    }
    for (let count = 0; count < 3; count += 1) {
      passTime()
      await soon()
    }
    expect([bodies.length, connects()]).toEqual([1, 1])
  })

  it('does not reconnect if stopped before a POST is dropped', async () => {
    const { socket, greet, hear, connects } = bareSocket()
    const end = begin(socket)
    greet()
    hear({ changes: [['division', 20, 3]] })
    globalThis.fetch = async () => {
      end()
      return Response.json({ otherVisitor: true, results: [], persisted: [] })
    }
    passTime()
    await soon()
    expect(connects()).toBe(0)
  })

  it.each(['keydown', 'pointerdown'])("renews the cookie at a %s after the server's interval", async (use) => {
    const { socket, greet, bodies } = bareSocket()
    const end = begin(socket)
    const pass = (ms: number): void => void jest.spyOn(Date, 'now').mockReturnValue(Date.now() + ms)
    const used = async (): Promise<number> => {
      dispatch(use)
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
    greet({ who: 'guest', hasCookie: true, renew: 15 })
    pass(15_001)
    expect(await used()).toBe(3)
    greet({})
    await soon()
    pass(1e6)
    expect([await used(), bodies.at(-1)]).toEqual([4, {}])
    greet()
    end()
    expect(await used()).toBe(4)
  })
})
