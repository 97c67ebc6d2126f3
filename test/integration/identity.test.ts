import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import type { AttachOptions } from 'koa-live-session'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import session from 'koa-session'
import { connect } from 'socket.io-client'
import type { PageAnswer } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { AuthStore, account, auth, identify, pages } from '../support/app/auth.js'
import { once } from '../support/app/awaited.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { appOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { turns } from '../support/app/within.js'

const defaults = { division: -1, theme: 'light', cart: [], role: 'guest' }

const names = (answer: Response): string[] => answer.headers.getSetCookie().map((cookie) => cookie.split('=')[0] ?? '')

describe('a user', () => {
  it('shares values across browsers, but not with other users', async () => {
    const app = await startWithUsers()
    const [one, two, other] = [app.visitor(), app.visitor(), app.visitor()]
    for (const visitor of [one, two]) await visitor.fetch('/login/now?user=ann')
    await other.fetch('/login/now?user=bob')
    await set(one, { division: 3 })
    expect(await values(two)).toEqual({ ...defaults, division: 3 })
    expect(await values(other)).toEqual(defaults)
  })

  it('has a stable `who` per browser cookie', async () => {
    const app = await startWithUsers()
    const [one, two] = [app.visitor(), app.visitor()]
    const who = async (visitor: Visitor) => (await (await visitor.connect()).greeted).who
    for (const visitor of [one, two]) await visitor.fetch('/login/unused?user=ann')
    const bare = await who(one)
    expect([typeof bare, await who(two)]).toEqual(['string', bare])
    for (const visitor of [one, two]) await set(visitor, { theme: 'dark' })
    expect(await who(one)).toBe(await who(one))
    expect(new Set([bare, await who(one), await who(two)]).size).toBe(3)
  })
})

describe('sign-in', () => {
  it("moves the guest's values to an account that has none", async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    await set(visitor, { division: 3 })
    expect(await values(visitor, '/login/now?user=ann')).toEqual({ ...defaults, division: 3 })
    const late = app.visitor()
    await set(late, { division: 4 })
    expect(await values(late, '/login/now?user=ann')).toEqual({ ...defaults, division: 3 })
  })

  it("yields to the account's own older value once another cookie brings it", async () => {
    const app = await startWithUsers()
    const [home, work] = [await signedInAs(app), app.visitor()]
    await set(home, { division: 5 })
    await emptyCache(app.live)
    app.clock.advance(1000)
    await set(work, { division: 3 })
    expect(await values(work, '/login/now?user=ann')).toMatchObject({ division: 3 })
    for (const visitor of [home, work]) expect(await values(visitor)).toMatchObject({ division: 5 })
  })

  it.each([false, true])('renews a live cookie whose session has ended (revoked: %s)', async (isRevoked) => {
    const app = await startWithUsers()
    const visitor = app.visitor(cookieFor(app.live, { userId: 'ann', values: { division: 3 } }))
    if (isRevoked) await app.live.revoke('ann')
    expect(names(await visitor.fetch('/login/now?user=ann'))).toContain('live')
    await expect(visitor.connect()).resolves.toBeDefined()
  })

  it("merges with the field's onLogin, once", async () => {
    const app = await startWithUsers()
    const [home, work] = [app.visitor(), app.visitor()]
    await home.fetch('/login/now?user=ann')
    await set(home, { cart: ['a'] })
    await set(work, { cart: ['b'] })
    expect(await values(work, '/login/now?user=ann')).toMatchObject({ cart: ['a', 'b'] })
    expect(await values(work)).toMatchObject({ cart: ['a', 'b'] })
    expect(await values(home)).toMatchObject({ cart: ['a', 'b'] })
  })

  it('keeps the browser’s own values despite a double click', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    await set(visitor, { theme: 'dark', division: 3 })
    const again = app.visitor(visitor.cookie)
    for (const each of [visitor, again]) await each.fetch('/login/now?user=ann')
    for (const each of [visitor, again]) expect(await values(each)).toMatchObject({ theme: 'dark', division: 3 })
    expect(cookieContent(again).browser).toBe(cookieContent(visitor).browser)
  })

  it('merges once despite concurrent requests with the former cookie', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    await set(visitor, { cart: ['b'] })
    const former = visitor.cookie
    await visitor.fetch('/login?user=ann')
    const session = appOnly(visitor.cookie)
    const stale = app.visitor([former, ...session].join('; '))
    const path = `/set?values=${encodeURIComponent('{"division":5}')}`
    const answers = await Promise.all([1, 2, 3].map(() => stale.fetch(path)))
    for (const answer of answers) expect(await answer.json()).toMatchObject({ cart: ['b'] })
    const browsers = answers.map((answer) =>
      Buffer.from(answer.headers.getSetCookie()[0]?.split(/[=;]/)[1] ?? '', 'base64'),
    )
    const { browser } = cookieContent(stale)
    expect(browsers.map((json) => JSON.parse(json.toString()).browser)).toEqual([browser, browser, browser])
  })

  it.each([
    ['newest', { division: 4 }],
    ['drop', { division: 3 }],
    ['account', { division: 3 }],
  ] as const)("applies the plugin's onLogin: %s", async (onLogin, expected) => {
    const app = await startWithUsers({ options: { onLogin } })
    const [home, work] = [app.visitor(), app.visitor()]
    await home.fetch('/login/now?user=ann')
    await set(home, { division: 3 })
    app.clock.advance(1000)
    await set(work, { division: 4 })
    expect(await values(work, '/login/now?user=ann')).toMatchObject(expected)
  })

  it('keeps transferred values, although their stamp is the lowest', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    await set(visitor, { division: 3 })
    await visitor.fetch('/login/now?user=ann')
    app.clock.advance(20 * 24 * 60 * 60 * 1000)
    expect(await values(visitor)).toMatchObject({ division: 3 })
  })
})

describe('attach() without handshake', () => {
  it('throws if identify is set', async () => {
    const app = await startWithUsers({ isAttached: false })
    expect(() => (app.live.attach as (io: unknown) => void)(app.io)).toThrow(
      'koa-live-session: attach(io): identify is set but handshake is not, so every socket would be anonymous. ' +
        'Pass the middleware identify relies on: attach(io, { handshake: [session, passport.session()] })',
    )
  })
})

/** Responds with the user before and after the path's action. */
const routes: Koa.Middleware = async (ctx, next) => {
  if (ctx.path === '/page') return pages(ctx, next)
  const users = [ctx.liveSession.userId]
  if (ctx.path === '/in') {
    ctx['session'].user = 7
    await ctx.liveSession.identify()
  }
  if (ctx.path === '/out') {
    ctx['session'] = null
    await ctx.liveSession.leave()
  }
  ctx.body = JSON.stringify([...users, ctx.liveSession.userId ?? null])
}

const refuse: Koa.Middleware = (ctx) => {
  ctx.status = 401
}
const members: Koa.Middleware = (ctx) => ctx.throw(401, 'members only')

describe('a handshake middleware', () => {
  it.each([
    ['throws', members, {}],
    ['throws', members, { identify: () => undefined }],
    ['does not call next()', refuse, {}],
    ['does not call next()', refuse, { identify: () => undefined }],
  ])('that %s refuses the socket, with options %#', async (_, guard, options) => {
    const app = await App.start({ attach: { handshake: [guard] }, options })
    await expect(app.visitor().connect()).rejects.toMatchObject({ message: 'handshake failed' })
    expect(app.errors).toEqual([expect.objectContaining({ status: guard === members ? 401 : 403 })])
  })

  it('without next() appears in the log', async () => {
    const app = await App.start({ attach: { handshake: [refuse] } })
    await expect(app.visitor().connect()).rejects.toThrow()
    expect(app.warnings.at(-1)).toBe(
      'koa-live-session: attach(io, { handshake }): a middleware did not call next(), so the socket was refused',
    )
  })

  it('is optional without identify', async () => {
    const app = await App.start({ isAttached: false })
    app.live.attach(app.io)
    expect((await app.visitor().connect()).io.connected).toBe(true)
  })
})

describe('userId', () => {
  it('is text, and changes with identify and leave', async () => {
    const visitor = (await startWithUsers({ routes })).visitor()
    const ask = async (path: string) => JSON.parse(await visitor.text(path))
    expect([await ask('/'), await ask('/in'), await ask('/'), await ask('/out'), await ask('/')]).toEqual([
      [null, null],
      [null, '7'],
      ['7', '7'],
      ['7', null],
      [null, null],
    ])
  })

  it('of a socket never changes', async () => {
    const app = await startWithUsers({ routes })
    const users: unknown[] = []
    app.io.on('connection', ({ liveSession }) => users.push(liveSession.userId))
    const visitor = app.visitor()
    await visitor.fetch('/page')
    const page = await visitor.connect()
    await visitor.fetch('/in')
    await page.closed
    await visitor.connect()
    expect(users).toEqual([undefined, '7'])
  })

  it('is in snapshots and greetings only', async () => {
    const app = await startWithUsers({ routes })
    const visitor = app.visitor()
    expect(await (await visitor.fetch('/page')).json()).toMatchObject({ guest: true })
    expect(await (await visitor.store()).json()).not.toHaveProperty('user')
    await visitor.fetch('/in')
    const snapshot = await (await visitor.fetch('/page')).json()
    expect([snapshot.user, snapshot.guest]).toEqual(['7', undefined])
    const posted: PageAnswer = await (await visitor.store()).json()
    expect(posted.user).toBe('7')
    const page = await visitor.connect()
    expect((await page.greeted).user).toBe('7')
    expect(await page.exchange({ who: posted.who })).not.toHaveProperty('user')
    expect(await (await visitor.store({ who: posted.who })).json()).not.toHaveProperty('user')
    await page.change('division', 3)
    expect(page.tickets.length).toBeGreaterThan(1)
    for (const { claims } of page.tickets) expect(Object.keys(claims)).not.toContain('user')
  })
})

const tenantOf = ({ path }: Koa.Context): string | undefined => /^\/t\/([a-z]+)/.exec(path)?.[1]

/** An app with a user per tenant's path. */
function startWithTenants(): Promise<App> {
  return App.start({
    options: { identify: tenantOf },
    routes: (ctx) => {
      ctx.body = ctx.liveSession.embed()
    },
  })
}

const warned = ({ warnings }: App): readonly string[] => warnings.filter((one) => one.includes('in turn'))

describe('two users in two tabs of a browser', () => {
  it('cause a single warning', async () => {
    const app = await startWithTenants()
    const visitor = app.visitor()
    for (const path of ['/t/red', '/t/blue', '/t/red', '/t/blue', '/t/red']) await visitor.fetch(path)
    expect(warned(app)).toEqual([
      'koa-live-session: identify named two users in turn for one browser, whose values reset at each change: expected one ' +
        'user a browser. Two tenants in two tabs need a field with a value per tenant, or an origin each: node_modules/koa-live-session/docs/troubleshooting.md#values-reset-in-turn',
    ])
  })

  it.each([
    ['a third user', ['/t/red', '/t/blue', '/t/green']],
    ['sign-outs between', ['/t/red', '/', '/t/blue', '/', '/t/red']],
  ])('cause no warning after %s', async (_, paths) => {
    const app = await startWithTenants()
    const visitor = app.visitor()
    for (const path of paths) await visitor.fetch(path)
    expect(warned(app)).toEqual([])
  })

  it('cause no warning after ten seconds, nor in two browsers', async () => {
    const app = await startWithTenants()
    const visitors = [app.visitor(), app.visitor()]
    for (const visitor of visitors) for (const path of ['/t/red', '/t/blue']) await visitor.fetch(path)
    app.clock.advance(10_000)
    for (const visitor of visitors) await visitor.fetch('/t/red')
    expect(warned(app)).toEqual([])
  })
})

const MINUTES = 60_000

/** Moves the app's clock, and lets the rechecks finish. */
async function pass({ clock }: App, ms: number): Promise<void> {
  clock.advance(ms)
  await turns(5)
}

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
    await pass(app, 5 * MINUTES)
    expect([one, two].map(({ io }) => io.connected)).toEqual([true, true])
    store.sessions.clear()
    await pass(app, 5 * MINUTES)
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
    await pass(app, 5 * MINUTES)
    expect(socket.io.connected).toBe(true)
    isMember = false
    await pass(app, 5 * MINUTES)
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
    await pass(app, 5 * MINUTES)
    expect(await Promise.all([one.closed, two.closed])).toEqual(['transport close', 'transport close'])
  })

  it('stays open while its session lives; rechecks write no session or cookie', async () => {
    const store = new AuthStore()
    const app = await start({ store })
    const socket = await (await signedIn(app)).connect()
    const headers: unknown[] = []
    app.io.engine.on('headers', (sent: Record<string, unknown>) => headers.push(sent['set-cookie']))
    const writes = store.writes.length
    for (let times = 0; times < 12; times += 1) await pass(app, 5 * MINUTES)
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
    await pass(app, 5 * MINUTES)
    await gate.entered
    store.sessions.clear()
    gate.open()
    await turns(5)
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
    await pass(app, 5 * MINUTES)
    expect(calls.count).toBe(1)
    await pass(app, 5 * MINUTES)
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
    for (; at < 300; at += 1) await pass(app, 1000)
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
    for (let times = 0; times < 6; times += 1) await pass(app, 5 * MINUTES)
    expect(sockets.map(({ io }) => io.connected)).toEqual([true, true])
    expect(app.errors).toEqual([new Error('the store is down')])
    Object.assign(store, { get })
    app.clock.advance(30 * MINUTES)
    Object.assign(store, { get: () => Promise.reject(new Error('it is down again')) })
    await pass(app, 5 * MINUTES)
    await pass(app, 5 * MINUTES)
    expect(app.errors.splice(1)).toEqual([new Error('it is down again')])
    Object.assign(store, { get })
    store.sessions.clear()
    await pass(app, 5 * MINUTES)
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
    await pass(app, 5 * MINUTES)
    await pass(app, 5 * MINUTES)
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
      await pass(app, 5 * MINUTES)
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
    await pass(app, 5 * MINUTES)
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
    await pass(app, 1000)
    expect(calls.count).toBe(expected)
    await pass(app, expected * 1000)
    expect(calls.count).toBe(expected * 2)
  })

  it('stops after close(), and never starts without identify', async () => {
    const { calls, own } = counting()
    const app = await start({ identify: own })
    await (await signedIn(app)).connect()
    await app.live.close()
    calls.count = 0
    await pass(app, 10 * MINUTES)
    expect(calls.count).toBe(0)
    const interval = jest.spyOn(globalThis, 'setInterval')
    await App.start({ options: { clock: Date.now } })
    expect(interval).not.toHaveBeenCalled()
  })

  it.each([
    [false, { handshake: [], recheck: 1000 }],
    [false, { handshake: [], maxAge: 1000 }],
    [true, { handshake: [(_: unknown, next: Koa.Next) => next()], recheck: 1000 }],
    [true, { handshake: [] }],
  ])('warns if set without identify or handshake middleware: %s, attach(io, %j)', async (hasEffect, attach) => {
    const { warnings } = await App.start({ attach, options: { store: memoryStore() } })
    expect(warnings).toEqual(
      hasEffect
        ? []
        : [
            'koa-live-session: attach(io): recheck, maxAge: no effect without identify or middleware in handshake, because there is nothing to run. Leave them out',
          ],
    )
  })
})
