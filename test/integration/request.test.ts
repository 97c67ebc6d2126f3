import { EventEmitter } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { deserialize, serialize } from 'node:v8'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, testClock } from 'koa-live-session/testing'
import { connect } from 'socket.io-client'
import { z } from 'zod'
import { MAX_BODY, type WireChange } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { written } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { as, browserOf, isRetired, KINDS, startWithHeaders, visitorWith } from '../support/app/kinds-of-cookies.js'
import type { RawAnswer } from '../support/app/raw-http.js'
import { readCookie } from '../support/app/signed-cookie.js'
import { readClaims, TestSocket } from '../support/app/socket.js'

describe('request', () => {
  /** Sets the query's values, and responds with all values. */
  const echo: Koa.Middleware = async (ctx) => {
    const { liveSession } = ctx
    for (const [key, value] of Object.entries(ctx.query)) void liveSession.set(key, JSON.parse(String(value)))
    ctx.body = { division: liveSession.get('division'), theme: liveSession.get('theme'), cart: liveSession.get('cart') }
  }

  const defaults = { division: -1, theme: 'light', cart: [] }

  describe('ctx.liveSession', () => {
    it('reads defaults without issuing a cookie', async () => {
      const app = await App.start({ routes: echo })
      const answer = await app.visitor().fetch('/')
      expect(await answer.json()).toEqual(defaults)
      expect(answer.headers.getSetCookie()).toEqual([])
    })

    it('merges cookie and cache by stamp', async () => {
      const app = await App.start({ routes: echo, options: { identify: () => 'ann' } })
      const older = cookieFor(app.live, { userId: 'ann', values: { division: 1, cart: ['old'] } })
      app.clock.advance(1000)
      const newer = cookieFor(app.live, { userId: 'ann', values: { division: 2 } })
      expect(await (await app.visitor(older).fetch('/')).json()).toMatchObject({ division: 1 })
      expect(await (await app.visitor(newer).fetch('/')).json()).toMatchObject({ division: 2, cart: ['old'] })
      expect(await (await app.visitor(older).fetch('/')).json()).toMatchObject({ division: 2, cart: ['old'] })
    })

    it('refreshes a cookie older than the cache', async () => {
      const app = await App.start({ routes: echo, options: { identify: () => 'ann' } })
      const old = app.visitor(cookieFor(app.live, { userId: 'ann', values: { division: 1 } }))
      await old.fetch('/')
      const other = app.visitor(cookieFor(app.live, { userId: 'ann' }))
      await other.fetch('/?division=7')
      const healed = await old.fetch('/')
      expect(healed.headers.getSetCookie()).toHaveLength(2)
      expect((await old.fetch('/')).headers.getSetCookie()).toEqual([])
    })

    it('sends the cookie with an error response', async () => {
      const app = await App.start({
        routes: (ctx) => {
          if (ctx.path === '/read') ctx.body = String(ctx.liveSession.get('division'))
          else {
            void ctx.liveSession.set('division', 9)
            throw new Error('later')
          }
        },
      })
      const visitor = app.visitor()
      const answer = await visitor.fetch('/write')
      expect(answer.status).toBe(500)
      expect(answer.headers.getSetCookie()).toHaveLength(2)
      expect(answer.headers.get('vary')).toBe('Cookie')
      expect(await visitor.text('/read')).toBe('9')
    })

    it('inspect() names the places of a write', async () => {
      const app = await App.start({
        routes: (ctx) => {
          if (ctx.path === '/write') void ctx.liveSession.set('division', 1)
          ctx.body = Object.fromEntries(ctx.liveSession.inspect())
        },
      })
      const visitor = app.visitor()
      expect(await (await visitor.fetch('/write')).json()).toMatchObject({
        division: { value: 1, stamp: app.clock.now(), places: ['cache'], source: 'request' },
      })
      expect(await (await visitor.fetch('/')).json()).toMatchObject({ division: { places: ['cache', 'cookie'] } })
    })

    it('updates and deletes values; has() reports their presence', async () => {
      const app = await App.start({
        routes: async (ctx) => {
          const { liveSession } = ctx
          const seen = [liveSession.has('cart')]
          await liveSession.update('cart', (cart) => [...(cart as string[]), 'a'])
          await liveSession.update('cart', (cart) => [...(cart as string[]), 'b'])
          seen.push(liveSession.has('cart'))
          ctx.body = [...seen, liveSession.get('cart')]
          await liveSession.delete('cart')
          ctx.body = [...ctx.body, liveSession.has('cart'), liveSession.get('cart')]
        },
      })
      expect(await (await app.visitor().fetch('/')).json()).toEqual([false, true, ['a', 'b'], false, []])
    })

    it('setMany applies nothing if it refuses a value', async () => {
      const app = await App.start({
        routes: async (ctx) => {
          const refusal = await ctx.liveSession.setMany({ division: 3, theme: 'pink' }).catch((error) => error)
          ctx.body = [refusal.code, refusal.key, ctx.liveSession.get('division')]
        },
      })
      expect(await (await app.visitor().fetch('/')).json()).toEqual(['invalid_value', 'theme', -1])
    })

    it('returns frozen copies', async () => {
      const app = await App.start({
        routes: async (ctx) => {
          const mine = ['a']
          await ctx.liveSession.set('cart', mine)
          mine.push('b')
          const got = ctx.liveSession.get('cart') as string[]
          expect(() => got.push('c')).toThrow('Cannot add property 1, object is not extensible')
          ctx.body = got
        },
      })
      expect(await (await app.visitor().fetch('/')).json()).toEqual(['a'])
    })

    it('explains a read before the middleware, and an undeclared name', async () => {
      const app = await App.start({
        before: () => [
          async (ctx, next) => {
            if (ctx.path === '/early') ctx.liveSession.get('division')
            await next()
          },
        ],
        routes: (ctx) => {
          ctx.body = ctx.liveSession.get('divisoin')
        },
        attach: { handshake: [] },
      })
      await app.visitor().fetch('/early')
      await app.visitor().fetch('/')
      expect(app.errors.map(String)).toEqual([
        'TypeError: koa-live-session: ctx.liveSession was read before live.middleware() ran: app.use(live.middleware()) goes after auth and before your routes',
        'LiveSessionError: koa-live-session: get("divisoin"): not declared. Declared: division, theme, cart, role. Did you mean "division"?',
      ])
      expect(app.warnings.at(-1)).toBe(
        'koa-live-session: get("divisoin"): not declared. Declared: division, theme, cart, role, secret. Did you mean "division"?',
      )
    })
  })

  const text = { schema: z.string(), default: '', client: 'write' } as const
  const withTab = defineFields({
    secret: { schema: z.string(), default: '', client: 'hidden' },
    seen: { ...text, scope: 'browser', cookie: false },
    step: { ...text, scope: 'tab' },
  })

  describe('a tab field', () => {
    it.each(['get', 'has', 'set', 'delete'] as const)('points to its socket when a request calls %s', async (call) => {
      const app = await App.start({
        fields: withTab,
        routes: async (ctx) => {
          const session = ctx.liveSession as unknown as Readonly<Record<typeof call, (...given: string[]) => unknown>>
          await session[call]('step', 'x')
        },
      })
      const answer = await app.visitor().fetch('/')
      const remedy = ['get', 'has'].includes(call) ? ', or snapshot().values, which has it after a reload' : ''
      expect([answer.status, await answer.text()]).toEqual([
        400,
        `koa-live-session: ${call}("step"): the field has scope: 'tab', so only the tab's page and its socket have it. Use socket.liveSession${remedy}`,
      ])
    })
  })

  describe('cookieFor', () => {
    it('works with a fractional clock', async () => {
      const clock = testClock(Date.now() + 0.5)
      const app = await App.start({
        clock,
        routes: (ctx) => {
          ctx.body = String(ctx.liveSession.get('division'))
        },
      })
      const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
      expect(await visitor.text('/')).toBe('3')
    })

    it.each([
      ['a guest', {}, 'secret', 'Set it with ctx.liveSession in a request of this browser'],
      ['a user', { userId: 'ann' }, 'secret', 'For a value in memory or in the store use live.user(id)'],
      ['a browser', { userId: 'ann' }, 'seen', 'Set it with ctx.liveSession in a request of this browser'],
      [
        'a tab',
        { userId: 'ann' },
        'step',
        "Only its tab's socket has it: set it there with socket.liveSession, or test with memorySession",
      ],
    ])('explains how to set a value of %s outside the cookie', async (_, visitor, key, advice) => {
      const app = await App.start({
        fields: withTab,
        options: { identify: () => undefined },
        attach: { handshake: [] },
      })
      const make = (): string => cookieFor(app.live, { ...visitor, values: { [key]: 'x' } })
      expect(make).toThrow(TypeError)
      expect(make).toThrow(`koa-live-session: cookieFor: "${key}" is not in the cookie. ${advice}`)
    })
  })

  // Each default differs from the falsy value, so that a lost value shows.
  const fields = defineFields({
    count: { schema: z.number(), default: 7, client: 'write' },
    label: { schema: z.string(), default: 'none', client: 'write' },
    isOpen: { schema: z.boolean(), default: true, client: 'write' },
    choice: { schema: z.string().nullable(), default: 'any', client: 'write' },
    list: { schema: z.array(z.number()), default: [1], client: 'write' },
  })

  type FalsyFields = typeof fields

  const FALSY = { count: 0, label: '', isOpen: false, choice: null, list: [] }

  const KEYS = ['count', 'label', 'isOpen', 'choice', 'list'] as const

  const route: Koa.Middleware = async (ctx) => {
    if (ctx.path === '/set') await ctx.liveSession.setMany(FALSY)
    ctx.body = Object.fromEntries(KEYS.map((key) => [key, [ctx.liveSession.get(key), ctx.liveSession.has(key)]]))
  }

  const known = Object.fromEntries(Object.entries(FALSY).map(([key, value]) => [key, [value, true]]))

  const valuesOf = (changes: readonly (readonly unknown[])[]): object =>
    Object.fromEntries(changes.map(([key, , value]) => [key, value]))

  describe('falsy values', () => {
    it('survive cookies, sockets, tickets, POSTs and restarts', async () => {
      const first = await App.start<FalsyFields>({ fields, routes: route })
      const visitor = first.visitor()
      expect(await (await visitor.fetch('/set')).json()).toEqual(known)
      await first.stop({ isCrash: true })

      const second = await App.start<FalsyFields>({ fields, routes: route, clock: first.clock })
      const socket = await second.visitor(visitor.cookie).connect()
      expect(valuesOf((await socket.ticket()).claims.changes)).toEqual(FALSY)
      await socket.set(...KEYS.map((key): WireChange => [key, -1, '', FALSY[key]]))
      const { text, claims } = await socket.ticket()
      expect(valuesOf(claims.changes)).toEqual(FALSY)
      await second.stop({ isCrash: true })

      const third = await App.start<FalsyFields>({ fields, routes: route, clock: first.clock })
      const page = third.visitor(visitor.cookie)
      expect((await page.store({ tickets: [text] })).status).toBe(200)
      expect(valuesOf(readCookie(page.cookie)['r'] as unknown[][])).toEqual(FALSY)
      expect(await (await page.fetch('/')).json()).toEqual(known)
    })
  })

  const visits = KINDS.flatMap((kind) => [undefined, 'ann', 'bob'].map((user) => [kind, user] as const))

  it.each(visits)('accessing ctx.liveSession changes nothing: cookie %s, by %s', async (kind, user) => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, kind)
    const subject = browserOf(visitor)
    const before = isRetired(app, subject)
    const owner = kind === 'ann' ? 'ann' : undefined
    const socket = before || kind === 'revoked ann' ? undefined : await visitor.connect('/', as(owner))
    await socket?.ticket()
    for (const headers of [as(user), as(user, false)]) {
      const answer = await visitor.fetch('/handle', { headers })
      expect([await answer.text(), written(answer)]).toEqual(['object', []])
      expect([answer.headers.get('vary'), answer.headers.get('cache-control')]).toEqual([null, null])
    }
    expect(isRetired(app, subject)).toBe(before)
    if (socket) expect(await socket.change('division', 7)).toHaveProperty('stamp')
  })
})

const json = { 'content-type': 'application/json' }
const FIVE = '{"set":[["division",-1,"",5]]}'

const start = (given: Parameters<typeof App.start>[0] = {}): Promise<App> =>
  App.start({
    routes: (ctx) => {
      ctx.body = String(ctx.liveSession.get('division'))
    },
    ...(given as object),
  })

const show = (app: App, cookie: string): Promise<string> => app.visitor(cookie).text('/')

describe('POST /store_session', () => {
  it("saves a socket's ticket in the cookie, as the next POST confirms", async () => {
    const app = await App.start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 7)
    const { text, claims } = await socket.ticket()
    const first = await visitor.store({ tickets: [text] })
    expect(first.status).toBe(200)
    expect(await first.json()).toMatchObject({ hasCookie: true, results: [], persisted: [] })
    expect(first.headers.getSetCookie()).toHaveLength(2)
    const persisted = [['division', claims.changes[0]?.[1]]]
    expect(await (await visitor.store()).json()).toMatchObject({ hasCookie: true, persisted })
  })

  it('sets values without a socket, and broadcasts them to sockets', async () => {
    const app = await App.start()
    const visitor = app.visitor()
    const set = [
      ['division', -1, '', 4],
      ['theme', -1, '', 'dark'],
    ]
    const answer = await (await visitor.store({ set })).json()
    const result = { stamp: app.clock.now(), level: 'memory' }
    expect(answer).toMatchObject({ results: [result, result], persisted: [] })
    expect(readClaims(answer.ticket).changes).toEqual([
      ['division', app.clock.now(), 4],
      ['theme', app.clock.now(), 'dark'],
    ])
    const socket = await visitor.connect()
    await socket.ticket()
    await visitor.store({ set: [['division', -1, '']] })
    expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now() + 1]])
  })

  it.each([
    ['no JSON', 'not json', {}, 400, { code: 'malformed' }],
    ['no object', '[]', {}, 400, { code: 'malformed' }],
    ['null', 'null', {}, 400, { code: 'malformed' }],
    ['an unknown member', { ticket: 'x' }, {}, 400, { code: 'malformed' }],
    ['tickets that are no list', { tickets: 'x' }, {}, 400, { code: 'malformed' }],
    ['a ticket of another type', { tickets: [1] }, {}, 400, { code: 'malformed', index: 0 }],
    ['an unsigned ticket', { tickets: ['a.b.c'] }, {}, 403, { code: 'bad_ticket', index: 0 }],
    ['changes that are no list', { set: {} }, {}, 400, { code: 'malformed' }],
    ['a body over 64 kB', { tickets: ['x'.repeat(70_000)] }, {}, 413, { code: 'too_large' }],
    ['plain text', '{}', { 'content-type': 'text/plain' }, 415, { code: 'malformed' }],
    ['a form', '{}', { 'content-type': 'application/x-www-form-urlencoded' }, 415, { code: 'malformed' }],
    ['compressed JSON', '{}', { 'content-encoding': 'gzip' }, 415, { code: 'malformed' }],
  ])('refuses %s with a code, and writes no cookie', async (_, body, headers, status, error) => {
    const app = await App.start()
    const answer = await app.visitor(cookieFor(app.live, { values: { division: 1 } })).store(body, headers)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toMatch('application/json')
    expect((await answer.json()).error).toMatchObject(error)
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(app.errors).toEqual([])
  })

  it('after a refusal keeps the connection open, and sends no Retry-After', async () => {
    const app = await App.start()
    const { headers } = await app.visitor().store('not json')
    expect([headers.get('connection'), headers.get('retry-after')]).toEqual(['keep-alive', null])
  })

  it('accepts a body parsed by the app', async () => {
    const parser: Koa.Middleware = async (ctx, next) => {
      const body = await text(ctx.req)
      Object.assign(ctx.request, { body: body === '' ? {} : JSON.parse(body) })
      await next()
    }
    const app = await App.start({ before: () => [parser], attach: { handshake: [] } })
    expect((await app.visitor().store(FIVE)).status).toBe(200)
  })

  it("answers at the `endpoint` option's path; similar paths reach the app", async () => {
    const routes: Koa.Middleware = (ctx) => {
      ctx.body = 'the app'
    }
    const app = await App.start({ options: { endpoint: '/api/keep' }, routes })
    const post = { method: 'POST', headers: json, body: '{}' }
    expect((await app.visitor().fetch('/api/keep?x=1', post)).status).toBe(200)
    for (const path of ['/api/keep/', '/api/keeps', '/x/api/keep', '/?/api/keep'])
      expect(await (await app.visitor().fetch(path, post)).text()).toBe('the app')
  })
})

/** POSTs a chunked body; without `ends`, the request stays open. */
function pour(app: App, cookie: string, body: string, { ends }: { readonly ends: boolean }): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { ...json, cookie, 'transfer-encoding': 'chunked' }
    const req = request(`${app.url}/store_session`, { method: 'POST', headers }, async (res) => {
      resolve({ status: res.statusCode ?? 0, headers: res.headers, text: await text(res) })
      req.destroy()
    })
    req.on('error', reject)
    req.write(body)
    if (ends) req.end()
  })
}

describe('a body', () => {
  it.each(['content-length', 'transfer-encoding'])('of exactly 64 kB is accepted with %s', async (header) => {
    const app = await start()
    const cookie = cookieFor(app.live, {})
    const body = FIVE.padStart(MAX_BODY)
    const { status } = await (header === 'content-length'
      ? app.visitor(cookie).store(body)
      : pour(app, cookie, body, { ends: true }))
    expect([status, await show(app, cookie)]).toEqual([200, '5'])
  })

  it('with a declared length over 64 kB is refused', async () => {
    const app = await start()
    const answer = await app.visitor().store(FIVE.padEnd(MAX_BODY + 1))
    expect([answer.status, (await answer.json()).error.code]).toEqual([413, 'too_large'])
  })

  it('streamed beyond 64 kB is refused, and closes the connection', async () => {
    const senders: string[] = []
    const note: Koa.Middleware = async (ctx, next) => next().then(() => void senders.push(ctx.ip))
    const app = await start({ before: () => [note], attach: { handshake: [] } })
    const cookie = cookieFor(app.live, {})
    const answer = await pour(app, cookie, FIVE.padEnd(MAX_BODY + 1), { ends: false })
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([413, { error: { code: 'too_large' } }])
    expect(answer.headers.connection).toBe('close')
    // The app can still log the sender's address.
    expect(senders).toEqual(['127.0.0.1'])
    expect(await show(app, cookie)).toBe('-1')
  })

  it('of invalid UTF-8 is refused', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const body = Buffer.from('{"set":[["cart",-1,"",["\xff"]]]}', 'latin1')
    const answer = await visitor.fetch('/store_session', { method: 'POST', headers: json, body })
    expect([answer.status, (await answer.json()).error.code]).toEqual([400, 'malformed'])
  })

  it('cut off after valid JSON sets nothing', async () => {
    const [arrived, ended] = [new Gate(), new Gate()]
    const note: Koa.Middleware = async (ctx, next) => {
      if (ctx.method === 'POST') ctx.req.once('readable', () => void arrived.pass())
      await next().finally(() => ctx.method === 'POST' && void ended.pass())
    }
    const app = await start({ before: () => [note], attach: { handshake: [] } })
    const cookie = cookieFor(app.live, {})
    const headers = { ...json, cookie, 'content-length': '100' }
    const req = request(`${app.url}/store_session`, { method: 'POST', headers })
    req.on('error', () => undefined)
    req.write(FIVE)
    await arrived.entered
    req.destroy()
    await ended.entered
    expect(await show(app, cookie)).toBe('-1')
  })
})

/** A binary parser, such as socket.io-msgpack-parser. Unlike JSON, it also transfers members that are undefined. */
const parser = {
  Encoder: class {
    encode(packet: object): readonly unknown[] {
      return [serialize(packet)]
    }
  },
  Decoder: class extends EventEmitter {
    add(chunk: Uint8Array): void {
      this.emit('decoded', deserialize(chunk))
    }
    destroy(): void {}
  },
}

it('sockets with a binary parser set and hear values', async () => {
  const app = await App.start({ io: { parser } })
  const cookie = cookieFor(app.live, {})
  const open = async (): Promise<TestSocket> => {
    const io = connect(app.url, { parser, transports: ['websocket'], extraHeaders: { cookie, origin: app.url } })
    const socket = new TestSocket(io)
    await socket.greeted
    return socket
  }
  const [one, other] = [await open(), await open()]
  expect(await one.exchange({ who: one.who, tickets: undefined, set: [['cart', 0, 'page-1', ['a']]] })).toMatchObject({
    results: [{ level: 'memory' }],
  })
  await other.ticket()
  expect((await other.ticket()).claims.changes).toMatchObject([['cart', expect.any(Number), ['a']]])
  for (const { io } of [one, other]) io.disconnect()
})

describe('an app without socket.io', () => {
  it('sends no cookie to requests in flight at a sign-out', async () => {
    const gate = new Gate()
    const app = await App.start({
      isAttached: false,
      options: { identify: (ctx: { get(name: string): string }) => ctx.get('x-user') } as never,
      routes: async (ctx) => {
        if (ctx.path === '/leave') await ctx.liveSession.leave()
        else await gate.pass()
        await ctx.liveSession.set('division', 5)
        ctx.status = 204
      },
    })
    const headers = { 'x-user': 'ann' }
    const inFlight = app.visitor().fetch('/', { headers })
    await gate.entered
    const signedOut = await app.visitor(cookieFor(app.live, { userId: 'ann' })).fetch('/leave', { headers })
    gate.open()
    expect(signedOut.headers.getSetCookie()).not.toEqual([])
    expect((await inFlight).headers.getSetCookie()).toEqual([])
  })
})

it('a sign-in proxy’s header names the user of requests and sockets', async () => {
  const app = await App.start({
    options: { identify: (ctx) => ctx.get('x-forwarded-user') || undefined },
    attach: { handshake: [] },
    routes: async (ctx) => {
      ctx.body = String(ctx.liveSession.userId)
    },
  })
  app.io.on('connection', (socket) => socket.on('who', (done) => done(socket.liveSession.userId)))
  const visitor = app.visitor()
  const headers = { 'x-forwarded-user': 'ann' }
  expect(await (await visitor.fetch('/', { headers })).text()).toBe('ann')
  await visitor.store({}, headers)
  const { io } = await visitor.connect('/', headers)
  expect(await io.emitWithAck('who')).toBe('ann')
})
