import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import type { AttachOptions } from 'koa-live-session'
import { memoryStore } from 'koa-live-session/testing'
import session from 'koa-session'
import { connect } from 'socket.io-client'
import { App } from '../support/app/app.js'
import { AuthStore, account, auth, identify } from '../support/app/auth.js'
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
  readonly socketsPerSubject?: number
}

/** An app with users, whose sessions are in a store of its own. */
async function start({
  store = new AuthStore(),
  recheck,
  identify: own = identify,
  before = [],
  socketsPerSubject = 20,
}: Given = {}): Promise<App> {
  let handshake: readonly Koa.Middleware[] = []
  return App.start({
    before: (koa) => {
      handshake = [...before, auth(koa, { store, rolling: true })]
      return handshake
    },
    options: { identify: own, limits: { socketsPerSubject } } as never,
    attach: {
      get handshake() {
        return handshake
      },
      ...(recheck === undefined ? {} : { recheck }),
    } as AttachOptions,
    routes: account,
  })
}

/** `identify`, which says each time that it is asked. */
function counted(count: () => unknown): NonNullable<Given['identify']> {
  return (ctx) => {
    count()
    return ctx['session'].user
  }
}

async function signedIn(app: App, user = 'ann'): Promise<Visitor> {
  const visitor = app.visitor()
  await visitor.fetch(`/login/now?user=${user}`)
  return visitor
}

describe('an open socket', () => {
  it('ends within five minutes after its user’s session was ended in the app’s store, rooms left first and told to come back', async () => {
    const store = new AuthStore()
    const app = await start({ store })
    const ann = await signedIn(app)
    const [one, two] = [await ann.connect(), await ann.connect()]
    const told: unknown[] = []
    for (const socket of [one, two]) socket.io.on('live_session:reconnect', (code) => told.push(code))
    await pass(5 * MINUTES)
    expect([one, two].map(({ io }) => io.connected)).toEqual([true, true])
    store.sessions.clear()
    await pass(5 * MINUTES)
    await Promise.all([one.closed, two.closed])
    expect(told).toEqual(['other_subject', 'other_subject'])
    expect(app.io.of('/').adapter.rooms.size).toBe(0)
    await expect(ann.connect()).rejects.toMatchObject({ data: { code: 'other_subject' } })
  })

  it.each([401, 403])('ends where the app’s own middleware refuses its visitor by then, with %i', async (status) => {
    const store = new AuthStore()
    let isKnown = true
    const guard: Koa.Middleware = (ctx, next) => {
      if (!isKnown) ctx.throw(status)
      return next()
    }
    const app = await start({ store, before: [guard] })
    const socket = await (await signedIn(app)).connect()
    isKnown = false
    await pass(5 * MINUTES)
    await socket.closed
  })

  it('ends where a guard of an app without identify refuses it by then', async () => {
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

  it('ends where another user is signed in by then, and where a guest is', async () => {
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

  it('stays for as long as its session does, and nothing is written to the app’s store, nor said to the browser', async () => {
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

  it('revives no session that is destroyed while it is asked about, though that is rolling', async () => {
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

  it('is asked about once a connection, in however many namespaces it is', async () => {
    let questions = 0
    const app = await start({
      identify: counted(() => {
        questions += 1
      }),
    })
    app.io.of('/chat')
    const ann = await signedIn(app)
    const socket = await ann.connect()
    const chat = socket.io.io.socket('/chat')
    await new Promise<void>((resolve) => void chat.connect().once('connect', resolve))
    questions = 0
    await pass(5 * MINUTES)
    expect(questions).toBe(1)
    await pass(5 * MINUTES)
    expect(questions).toBe(2)
  })

  it('is asked about at another moment than those that came with it', async () => {
    const asked: number[] = []
    let at = 0
    const app = await start({
      socketsPerSubject: 1000,
      identify: counted(() => asked.push(at)),
    })
    const ann = await signedIn(app)
    await Promise.all(Array.from({ length: 60 }, () => ann.connect()))
    asked.length = 0
    for (; at < 300; at += 1) await pass(1000)
    expect(asked).toHaveLength(60)
    const most = Math.max(...asked.map((one) => asked.filter((other) => other === one).length))
    expect(most).toBe(1)
  })

  it('stays where identify throws or the app’s store is down, and onError is told once; it ends once the store says so', async () => {
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

  it('stays where the answer never comes, and is asked about again', async () => {
    let questions = 0
    let isHeld = false
    const app = await start({
      identify: (ctx) => {
        questions += 1
        return isHeld ? new Promise(() => undefined) : ctx['session'].user
      },
    })
    const socket = await (await signedIn(app)).connect()
    isHeld = true
    questions = 0
    await pass(10 * MINUTES)
    expect(questions).toBe(2)
    expect(socket.io.connected).toBe(true)
  })

  it('is asked about with a request that says what the first one said, and has nothing of what middleware noted on that', async () => {
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
    for (const transports of [['websocket'], ['polling']]) {
      const io = connect(app.url, {
        transports,
        forceNew: true,
        extraHeaders: { cookie: ann.cookie, origin: app.url, 'x-app': 'app' },
      })
      await new Promise<void>((resolve) => io.once('connect', resolve))
      await pass(5 * MINUTES)
      io.disconnect()
    }
    expect(seen).toHaveLength(4)
    expect(new Set(seen.map((one) => JSON.stringify(one)))).toEqual(
      new Set([JSON.stringify([null, 'GET', '/socket.io/', 'app', '127.0.0.1'])]),
    )
  })

  it('comes back as the same user where the cookie that it was opened with is the session, and a later one has replaced that', async () => {
    let now = Date.now()
    const app = await App.start({
      before: (koa) => [
        session(
          {
            key: 'app',
            rolling: true,
            maxAge: 20 * MINUTES,
            valid: (_ctx, kept) => Number(kept['until'] ?? Infinity) > now,
          },
          koa,
        ),
      ],
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
  ])('of %d asks %s', async (recheck, _, expected) => {
    let questions = 0
    const app = await start({
      recheck,
      identify: counted(() => {
        questions += 1
      }),
    })
    await (await signedIn(app)).connect()
    questions = 0
    await pass(1000)
    expect(questions).toBe(expected)
    await pass(expected * 1000)
    expect(questions).toBe(expected * 2)
  })

  it.each([0, -1, Number.NaN, '5 minutes'])('of %p is refused, saying what to do', async (recheck) => {
    await expect(start({ recheck: recheck as never })).rejects.toThrow(
      `koa-live-session: attach(io): recheck: expected ms, more than 0 and at most 100 years, or Infinity to ask never, received ${recheck}`,
    )
  })

  it('asks nothing once the session is closed, and where there are no users', async () => {
    let questions = 0
    const app = await start({
      identify: counted(() => {
        questions += 1
      }),
    })
    await (await signedIn(app)).connect()
    await app.live.close()
    questions = 0
    await pass(10 * MINUTES)
    expect(questions).toBe(0)
    const started = jest.getTimerCount()
    await App.start()
    expect(jest.getTimerCount()).toBe(started)
  })

  it.each([
    [false, { handshake: [], recheck: 1000 }],
    [true, { handshake: [(_: unknown, next: Koa.Next) => next()], recheck: 1000 }],
    [true, { handshake: [] }],
  ])('has an effect: %s, which the log tells, of attach(io, %j) without identify', async (hasEffect, attach) => {
    const { warnings } = await App.start({ attach, options: { store: memoryStore() } })
    expect(warnings).toEqual(
      hasEffect
        ? []
        : [
            'koa-live-session: attach(io): recheck: it has no effect without identify, or middleware in handshake: there is nothing to ask. Leave it out',
          ],
    )
  })

  it('asks at each reconnect too', async () => {
    const store = new AuthStore()
    const app = await start({ store, recheck: Number.POSITIVE_INFINITY })
    const ann = await signedIn(app)
    const socket = await ann.connect()
    store.sessions.clear()
    socket.io.disconnect()
    await expect(ann.connect()).rejects.toMatchObject({ data: { code: 'other_subject' } })
  })
})
