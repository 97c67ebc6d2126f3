import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import type { AttachOptions } from 'koa-live-session'
import { memoryStore } from 'koa-live-session/testing'
import session from 'koa-session'
import { connect } from 'socket.io-client'
import { App } from '../support/app/app.js'
import { AuthStore, account, auth, identify } from '../support/app/auth.js'
import { once } from '../support/app/awaited.js'
import { Gate } from '../support/app/gate.js'
import { idleIntervals } from '../support/app/idle-intervals.js'
import type { Visitor } from '../support/app/visitor.js'

const MINUTES = 60_000
const pass = idleIntervals()

interface Given {
  readonly store?: AuthStore
  readonly recheck?: number
  readonly identify?: (ctx: Koa.Context) => unknown
  readonly before?: readonly Koa.Middleware[]
  readonly socketsPerVisitor?: number
}

async function start({
  store = new AuthStore(),
  recheck,
  identify: own = identify,
  before = [],
  socketsPerVisitor = 20,
}: Given = {}): Promise<App> {
  let handshake: readonly Koa.Middleware[] = []
  return App.start({
    before: (koa) => {
      handshake = [...before, auth(koa, { store, rolling: true })]
      return handshake
    },
    options: { identify: own, limits: { socketsPerVisitor } } as never,
    attach: {
      get handshake() {
        return handshake
      },
      ...(recheck === undefined ? {} : { recheck }),
    } as AttachOptions,
    routes: account,
  })
}

function counting(answer: (ctx: Koa.Context) => unknown = (ctx) => ctx['session'].user) {
  const calls = { count: 0 }
  const own = (ctx: Koa.Context): unknown => {
    calls.count += 1
    return answer(ctx)
  }
  return { calls, own }
}

async function signedIn(app: App, user = 'ann'): Promise<Visitor> {
  const visitor = app.visitor()
  await visitor.fetch(`/login/now?user=${user}`)
  return visitor
}

describe('an open socket', () => {
  it('closes within five minutes of the end of its app session', async () => {
    const store = new AuthStore()
    const app = await start({ store })
    const ann = await signedIn(app)
    const [one, two] = [await ann.connect(), await ann.connect()]
    const codes: unknown[] = []
    for (const socket of [one, two]) socket.io.on('live_session:reconnect', (code) => codes.push(code))
    await pass(5 * MINUTES)
    expect([one, two].map(({ io }) => io.connected)).toEqual([true, true])
    store.sessions.clear()
    await pass(5 * MINUTES)
    await Promise.all([one.closed, two.closed])
    expect(codes).toEqual(['other_visitor', 'other_visitor'])
    expect(app.io.of('/').adapter.rooms.size).toBe(0)
    await expect(ann.connect()).rejects.toMatchObject({ data: { code: 'other_visitor' } })
  })

  it('without identify closes when a guard refuses its visitor', async () => {
    let isMember = true
    const guard: Koa.Middleware = (ctx, next) => (isMember ? next() : ctx.throw(401))
    const app = await App.start({ attach: { handshake: [guard] } })
    const socket = await app.visitor().connect()
    await pass(5 * MINUTES)
    expect(socket.io.connected).toBe(true)
    isMember = false
    await pass(5 * MINUTES)
    await socket.closed
  })

  it('closes when its session names another user', async () => {
    const store = new AuthStore()
    const app = await start({ store })
    const [ann, guest] = [await signedIn(app), app.visitor()]
    await guest.fetch('/set?values={"division":3}')
    await guest.fetch('/login')
    const [one, two] = [await ann.connect(), await guest.connect()]
    for (const [key, kept] of store.sessions)
      store.sessions.set(key, { ...kept, user: kept['user'] === 'ann' ? 'bob' : 'eve' })
    await pass(5 * MINUTES)
    expect(await Promise.all([one.closed, two.closed])).toEqual(['transport close', 'transport close'])
  })

  it('stays open while its session lives; rechecks write no session or cookie', async () => {
    const store = new AuthStore()
    const app = await start({ store })
    const socket = await (await signedIn(app)).connect()
    const headers: unknown[] = []
    app.io.engine.on('headers', (sent: Record<string, unknown>) => headers.push(sent['set-cookie']))
    const writes = store.writes.length
    await pass(60 * MINUTES)
    expect(socket.io.connected).toBe(true)
    expect(store.writes).toHaveLength(writes)
    expect(headers).toEqual([])
  })

  it('does not revive a session destroyed during the recheck', async () => {
    const store = new AuthStore()
    const gate = new Gate()
    let isHeld = false
    const app = await start({
      store,
      identify: async (ctx) => {
        if (isHeld) await gate.pass()
        return ctx['session'].user
      },
    })
    await (await signedIn(app)).connect()
    isHeld = true
    await pass(5 * MINUTES)
    await gate.entered
    store.sessions.clear()
    gate.open()
    await pass(1)
    expect(store.sessions.size).toBe(0)
  })

  it('is rechecked once per connection, despite several namespaces', async () => {
    const { calls, own } = counting()
    const app = await start({ identify: own })
    app.io.of('/chat')
    const ann = await signedIn(app)
    const socket = await ann.connect()
    const chat = socket.io.io.socket('/chat')
    await once(chat.connect(), 'connect')
    calls.count = 0
    await pass(5 * MINUTES)
    expect(calls.count).toBe(1)
    await pass(5 * MINUTES)
    expect(calls.count).toBe(2)
  })

  it('is rechecked in a different second from each simultaneous socket', async () => {
    const asked: number[] = []
    let at = 0
    const { own } = counting((ctx) => {
      asked.push(at)
      return ctx['session'].user
    })
    const app = await start({ socketsPerVisitor: 1000, identify: own })
    const ann = await signedIn(app)
    await Promise.all(Array.from({ length: 60 }, () => ann.connect()))
    asked.length = 0
    for (; at < 300; at += 1) await pass(1000)
    expect(asked).toHaveLength(60)
    const most = Math.max(...asked.map((one) => asked.filter((other) => other === one).length))
    expect(most).toBe(1)
  })

  it('stays open while identify fails, and reports once per outage', async () => {
    const store = new AuthStore()
    const app = await start({ store })
    const ann = await signedIn(app)
    const sockets = [await ann.connect(), await ann.connect()]
    const { get } = AuthStore.prototype
    Object.assign(store, { get: () => Promise.reject(new Error('the store is down')) })
    await pass(30 * MINUTES)
    expect(sockets.map(({ io }) => io.connected)).toEqual([true, true])
    expect(app.errors).toEqual([new Error('the store is down')])
    Object.assign(store, { get })
    app.clock.advance(30 * MINUTES)
    Object.assign(store, { get: () => Promise.reject(new Error('it is down again')) })
    await pass(10 * MINUTES)
    expect(app.errors.splice(1)).toEqual([new Error('it is down again')])
    Object.assign(store, { get })
    store.sessions.clear()
    await pass(5 * MINUTES)
    await Promise.all(sockets.map(({ closed }) => closed))
    expect(app.errors).toHaveLength(1)
  })

  it('stays open if identify never settles, and is rechecked again', async () => {
    let isHeld = false
    const { calls, own } = counting((ctx) => (isHeld ? new Promise(() => undefined) : ctx['session'].user))
    const app = await start({ identify: own })
    const socket = await (await signedIn(app)).connect()
    isHeld = true
    calls.count = 0
    await pass(10 * MINUTES)
    expect(calls.count).toBe(2)
    expect(socket.io.connected).toBe(true)
  })

  it('is rechecked with a clean copy of the handshake request', async () => {
    const seen: unknown[] = []
    const note: Koa.Middleware = (ctx, next) => {
      const { req } = ctx
      if (ctx.path.startsWith('/socket.io'))
        seen.push([Reflect.get(req, 'user') ?? null, ctx.method, ctx.path, ctx.get('x-app'), ctx.ip])
      Object.assign(req, { user: 'noted' })
      return next()
    }
    const app = await start({ before: [note] })
    const ann = await signedIn(app)
    const extraHeaders = { cookie: ann.cookie, origin: app.url, 'x-app': 'app' }
    for (const transport of ['websocket', 'polling']) {
      const io = connect(app.url, { transports: [transport], forceNew: true, extraHeaders })
      await once(io, 'connect')
      await pass(5 * MINUTES)
      io.disconnect()
    }
    const handshake = [null, 'GET', '/socket.io/', 'app', '127.0.0.1']
    expect(seen).toEqual([handshake, handshake, handshake, handshake])
  })

  it('reconnects as the same user with a renewed cookie session', async () => {
    let now = Date.now()
    const app = await App.start({
      before: (koa) => {
        const valid = (_: unknown, kept: Record<string, unknown>): boolean => Number(kept['until'] ?? Infinity) > now
        return [session({ key: 'app', rolling: true, maxAge: 20 * MINUTES, valid }, koa)]
      },
      options: { identify } as never,
      routes: async (ctx, next) => {
        await account(ctx, next)
        if (ctx['session']) ctx['session'].until = now + 20 * MINUTES
      },
    })
    const ann = await signedIn(app)
    const page = await ann.open()
    await page.connected()
    const users: unknown[] = []
    app.io.on('connection', (socket) => users.push(socket.liveSession.userId))
    now += 15 * MINUTES
    await ann.fetch('/')
    now += 10 * MINUTES
    const again = page.connected()
    await pass(5 * MINUTES)
    await again
    expect(users).toEqual(['ann'])
  })
})

describe('recheck', () => {
  it.each([
    [1000, 'each second', 1],
    [Number.POSITIVE_INFINITY, 'never', 0],
  ])('with an interval of %d ms calls identify %s', async (recheck, _, expected) => {
    const { calls, own } = counting()
    const app = await start({ recheck, identify: own })
    await (await signedIn(app)).connect()
    calls.count = 0
    await pass(1000)
    expect(calls.count).toBe(expected)
    await pass(expected * 1000)
    expect(calls.count).toBe(expected * 2)
  })

  it('stops after close(), and never starts without identify', async () => {
    const { calls, own } = counting()
    const app = await start({ identify: own })
    await (await signedIn(app)).connect()
    await app.live.close()
    calls.count = 0
    await pass(10 * MINUTES)
    expect(calls.count).toBe(0)
    const started = jest.getTimerCount()
    await App.start()
    expect(jest.getTimerCount()).toBe(started)
  })

  it.each([
    [false, { handshake: [], recheck: 1000 }],
    [true, { handshake: [(_: unknown, next: Koa.Next) => next()], recheck: 1000 }],
    [true, { handshake: [] }],
  ])('warns if set without identify or handshake middleware: %s, attach(io, %j)', async (hasEffect, attach) => {
    const { warnings } = await App.start({ attach, options: { store: memoryStore() } })
    expect(warnings).toEqual(
      hasEffect
        ? []
        : [
            'koa-live-session: attach(io): recheck: it has no effect without identify or middleware in handshake, because there is nothing to run. Leave it out',
          ],
    )
  })
})
