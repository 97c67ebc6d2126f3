import { describe, expect, it } from '@jest/globals'
import type { UserId } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore, type TestClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { coreOf } from '../../server/plugin.js'
import { browserSubject, subjectHash } from '../../server/subjects/subject.js'
import type { Store } from '../../server/types/store.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { AuthStore, auth, identify } from '../support/app/auth.js'
import { browserId } from '../support/app/browser-id.js'
import { Bus } from '../support/app/bus.js'
import { appOnly, liveOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { signedCookie } from '../support/app/signed-cookie.js'
import { stamp } from '../support/app/stamp.js'
import { nameOf, set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const PLANTED = browserId('planted-by-an-attacker')
const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }

describe('threat 8: a planted cookie of an attacker\u2019s account', () => {
  async function plantAccount(app: App): Promise<{ readonly victim: Visitor; readonly attacker: Visitor }> {
    const attacker = await signedInAs(app, 'mallory')
    await set(attacker, { division: 66, cart: ['x'] })
    return { victim: app.visitor(liveOnly(attacker.cookie)), attacker }
  }

  it.each(['/login?user=ann', '/'])('shares no values in either direction: %s', async (path) => {
    const app = await startWithUsers()
    const { victim, attacker } = await plantAccount(app)
    await victim.fetch(path)
    expect(await values(victim)).toEqual(NOTHING)
    await set(victim, { division: 8 })
    expect(await values(attacker)).toMatchObject({ division: 66 })
    expect((await app.live.user('mallory')).get('division')).toBe(66)
  })

  it('gives a thief no values of the account', async () => {
    const app = await startWithUsers()
    const { victim: thief, attacker: owner } = await plantAccount(app)
    expect(await values(thief)).toEqual(NOTHING)
    const other = app.visitor(liveOnly(owner.cookie))
    expect(await values(other, '/login/now?user=eve')).toEqual(NOTHING)
    expect(await values(owner)).toMatchObject({ division: 66, cart: ['x'] })
  })
})

describe('threat 8: a socket before the server knows of the sign-in', () => {
  /** Signs ann in with a planted cookie; no request uses the live session afterwards. */
  async function signIn(app: App): Promise<{ readonly victim: Visitor; readonly attacker: Visitor }> {
    const cookie = cookieFor(app.live, { browserId: PLANTED, values: { role: 'admin' } })
    const [victim, attacker] = [app.visitor(cookie), app.visitor(cookie)]
    await victim.fetch('/login?user=ann')
    return { victim, attacker }
  }

  it('does not show the attacker the user\u2019s changes', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = await signIn(app)
    const socket = await victim.connect()
    await socket.change('theme', 'dark')
    expect(await values(attacker)).toMatchObject({ theme: 'light' })
  })

  it('does not show the user the planted values', async () => {
    const app = await startWithUsers()
    const { victim } = await signIn(app)
    const early = await victim.connect()
    await victim.store()
    const late = await victim.connect()
    for (const socket of [early, late]) {
      const claims = [(await socket.ticket()).claims, (await socket.ticket()).claims]
      expect(claims.map(({ changes }) => changes)).toEqual([[], []])
    }
    expect([(await early.greeted).hasCookie, (await late.greeted).hasCookie]).toEqual([undefined, true])
    expect(await values(victim)).toMatchObject({ role: 'guest' })
  })

  it('without a live cookie gets tickets that fail after the sign-in', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.set(['division', -1, '', 1], ['theme', -1, '', 'dark'])
    const { text } = await socket.ticket()
    await visitor.fetch('/login?user=ann')
    const answer = await visitor.store({ tickets: [text] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_visitor', index: 0 } }])
    await socket.change('division', 2)
    expect(await values(visitor)).toMatchObject({ division: -1, theme: 'light' })
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })
})

describe('threat 34: server-only values in a cookie planted before sign-in', () => {
  const SECRET = 'the secret that all of these apps are signed with'
  const text = z.string()
  const fields = defineFields({
    chosen: { schema: text, default: 'none', client: 'write' },
    theme: { schema: text, default: 'light', client: 'write', scope: 'browser' },
    role: { schema: text, default: 'guest' },
    newestRole: { schema: text, default: 'guest', onLogin: 'newest' },
    joinedRole: {
      schema: text,
      default: 'guest',
      onLogin: (account: string, browser: string) => `${account}+${browser}`,
    },
    trusted: { schema: text, default: 'no', scope: 'browser' },
    credit: { schema: z.number(), default: 0, client: 'hidden' },
  })
  const KEYS = ['chosen', 'theme', 'role', 'newestRole', 'joinedRole', 'trusted', 'credit'] as const
  const roles = (role: string) => ({ role, newestRole: role, joinedRole: role })
  const planted = { chosen: 'red', theme: 'dark', trusted: 'yes', ...roles('admin') }
  const expected = { chosen: 'red', theme: 'dark', trusted: 'no', credit: 0, ...roles('guest') }

  async function start() {
    const app = await App.start<typeof fields>({
      fields,
      keys: [SECRET],
      options: { identify } as never,
      before: (koa) => [auth(koa)],
      routes: async (ctx) => {
        if (ctx.path.startsWith('/login')) ctx['session'].user = ctx.query['user']
        if (ctx.path.endsWith('/now')) await ctx.liveSession.identify()
        ctx.body = Object.fromEntries(KEYS.map((key) => [key, ctx.liveSession.get(key)]))
      },
    })
    return { app, visitor: app.visitor(cookieFor(app.live, { browserId: PLANTED, values: planted })) }
  }

  it('are readable before the sign-in', async () => {
    const { visitor } = await start()
    expect(await values(visitor)).toMatchObject(planted)
  })

  it.each(['/login/now?user=ann', '/login?user=ann'])('do not reach the account: %s', async (path) => {
    const { app, visitor } = await start()
    await visitor.fetch(path)
    for (const _ of [1, 2]) expect(await values(visitor)).toEqual(expected)
    const ann = await app.live.user('ann')
    expect(['role', 'newestRole', 'joinedRole', 'credit'].filter((key) => ann.has(key as never))).toEqual([])
  })

  it('do not reach the account if hidden and signed', async () => {
    const { app } = await start()
    const exp = app.clock.now() + 1000
    const r = [['credit', app.clock.now(), 1_000_000]]
    const cookie = signedCookie(SECRET, { v: 1, browser: PLANTED, epoch: 0, exp, r })
    expect(await values(app.visitor(cookie), '/login/now?user=ann')).toMatchObject({ credit: 0 })
  })

  it('do not reach the account through tickets', async () => {
    const { app } = await start()
    const sub = subjectHash(browserSubject(PLANTED))
    const changes = Object.entries(planted).map(([key, value]) => [key, stamp(app.clock.now()), value] as const)
    const ticket = coreOf(app.live).tickets.sign({ sub, epoch: 0, changes }, app.clock.now())
    const visitor = app.visitor(cookieFor(app.live, { browserId: PLANTED }))
    await visitor.fetch('/login/now?user=ann')
    expect((await visitor.store({ tickets: [ticket] })).status).toBe(403)
    expect(await values(visitor)).toEqual({ ...expected, chosen: 'none', theme: 'light' })
  })

  it('do not overwrite the account\u2019s values', async () => {
    const { app, visitor } = await start()
    const owned = { chosen: 'blue', credit: 5, ...roles('owner') }
    await (await app.live.user('ann')).setMany(owned)
    app.clock.advance(1000)
    expect(await values(visitor, '/login/now?user=ann')).toMatchObject(owned)
  })
})

const start = (clock?: TestClock, options: object = {}, store?: AuthStore): Promise<App> =>
  startWithUsers({ ...(clock ? { clock } : {}), ...(store ? { store } : {}), options: options as never })

/** Signs ann in at home, with x in her cart. */
async function atHome(app: App): Promise<Visitor> {
  const home = await signedInAs(app)
  await set(home, { cart: ['x'] })
  return home
}

/** A guest whose cart has y in a ticket alone, not in a cookie. */
async function guest(app: App) {
  const home = await atHome(app)
  const visitor = app.visitor()
  await visitor.store()
  const socket = await visitor.connect()
  await socket.ticket()
  app.clock.advance(1)
  await socket.change('cart', ['y'])
  return { visitor, home, ticket: (await socket.ticket()).text }
}

const cart = async (visitor: Visitor): Promise<unknown> => (await values(visitor))['cart']

/** Returns a visitor for a late request, with the guest's cookie beside the current app session. */
const late = (app: App, guest: string, { cookie }: Visitor): Visitor => {
  const session = appOnly(cookie)
  return app.visitor([liveOnly(guest), ...session].join('; '))
}

/** Sends a ticket three times by POST and by socket, and expects refusals. */
async function bring(visitor: Visitor, ticket: string): Promise<void> {
  for (let time = 0; time < 3; time += 1) {
    const answer = await visitor.store({ tickets: [ticket] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_visitor', index: 0 } }])
    const socket = await visitor.connect()
    expect(await socket.sendTickets(ticket)).toMatchObject({ ok: false, code: 'other_visitor' })
  }
}

describe('threat 44: a former guest\u2019s ticket with an onLogin that joins', () => {
  it('fails after the sign-in', async () => {
    const app = await start()
    const { visitor, home, ticket } = await guest(app)
    expect(await values(visitor, '/login/now?user=ann')).toMatchObject({ cart: ['x', 'y'] })
    await bring(visitor, ticket)
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it('fails for parallel tabs right after the sign-in', async () => {
    const app = await start()
    const { visitor, home, ticket } = await guest(app)
    await visitor.fetch('/login/unused?user=ann')
    const answers = await Promise.all([1, 2, 3].map(() => visitor.store({ tickets: [ticket] })))
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403])
    await bring(visitor, ticket)
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it.each(['before the sign-in', 'after the sign-in'])('fails if the server restarts %s', async (when) => {
    const before = await start()
    const { visitor, home, ticket } = await guest(before)
    const isKnown = when === 'after the sign-in'
    if (isKnown) await visitor.fetch('/login/now?user=ann')
    await before.stop({ isCrash: true })
    const app = await start(before.clock)
    const [same, there] = [app.visitor(visitor.cookie), app.visitor(home.cookie)]
    await cart(there)
    await same.fetch('/login/now?user=ann')
    await bring(same, ticket)
    const expected = isKnown ? ['x', 'y'] : ['x']
    for (const browser of [same, there]) expect(await cart(browser)).toEqual(expected)
  })
})

describe('threat 44: a guest\u2019s cart with an onLogin that joins', () => {
  it('joins the account once in parallel and late requests', async () => {
    const app = await start()
    const home = await atHome(app)
    const visitor = app.visitor()
    await set(visitor, { cart: ['y'] })
    const { cookie } = visitor
    await visitor.fetch('/login?user=ann')
    const ways = ['/', '/login/now?user=ann', '/'].map((path) => values(late(app, cookie, visitor), path))
    for (const { cart } of await Promise.all(ways)) expect(cart).toEqual(['x', 'y'])
    expect(await cart(late(app, cookie, visitor))).toEqual(['x', 'y'])
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it.each([
    ['an adapter', true],
    ['a store alone', false],
  ])('joins the account once at two nodes with %s', async (_, isJoined) => {
    const [options, sessions] = [{ store: memoryStore() }, new AuthStore()]
    const one = await start(undefined, options, sessions)
    const two = await start(one.clock, options, sessions)
    const bus = new Bus()
    if (isJoined) for (const { io } of [one, two]) bus.join(io)
    const home = await atHome(one)
    const visitor = one.visitor()
    await set(visitor, { cart: ['y'] })
    const { cookie } = visitor
    await cart(two.visitor(cookie))
    expect(await values(visitor, '/login/now?user=ann')).toMatchObject({ cart: ['x', 'y'] })
    expect(await cart(late(two, cookie, visitor))).toEqual(['x', 'y'])
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it('joins the account even if another node wrote that cart', async () => {
    const [options, sessions] = [{ store: memoryStore() }, new AuthStore()]
    const one = await start(undefined, options, sessions)
    const two = await start(one.clock, options, sessions)
    const home = await atHome(one)
    const visitor = one.visitor()
    await visitor.store()
    await cart(visitor)
    await set(two.visitor(visitor.cookie), { cart: ['y'] })
    expect(await values(visitor, '/login/now?user=ann')).toMatchObject({ cart: ['x', 'y'] })
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })
})

describe('threat 88: parallel sign-ins of a guest at two nodes', () => {
  /** Returns ann's cart after each of three sign-ins of a guest, and at home; the second node loads some names late. */
  async function signInThrice(isJoined: boolean, isLate: (name: string) => boolean): Promise<readonly unknown[]> {
    const [store, sessions] = [memoryStore(), new AuthStore()]
    const gate = new Gate()
    let isHolding = false
    const second: Store = {
      ...store,
      load: async (name) => {
        if (isHolding && isLate(name)) await gate.pass()
        return store.load(name)
      },
    }
    const one = await start(undefined, { store }, sessions)
    const two = await start(one.clock, { store: second }, sessions)
    const bus = new Bus()
    if (isJoined) for (const { io } of [one, two]) bus.join(io)
    const home = await atHome(one)
    const visitor = one.visitor()
    await set(visitor, { cart: ['y'] })
    const signIn = async (app: App) => (await values(app.visitor(visitor.cookie), '/login/now?user=ann'))['cart']
    isHolding = true
    const others = [signIn(two), signIn(two)]
    await gate.entered
    const first = await signIn(one)
    gate.open()
    return [first, ...(await Promise.all(others)), await cart(home)]
  }

  const LATE = [
    ['the guest', (name: string) => name.startsWith('browser:')],
    ['the account', (name: string) => name.startsWith('user:')],
  ] as const
  const JOINED = [
    ['an adapter', true],
    ['a store alone', false],
  ] as const
  it.each(JOINED.flatMap(([by, isJoined]) => LATE.map(([what, isLate]) => ({ by, isJoined, what, isLate }))))(
    'join the cart once with $by, though one node loads $what late',
    async ({ isJoined, isLate }) => {
      expect(await signInThrice(isJoined, isLate)).toEqual([1, 2, 3, 4].map(() => ['x', 'y']))
    },
  )
})

describe('threat 126: a cookie that an attacker has planted on two devices of a user', () => {
  const MINUTE = 60_000

  /** Signs the user in on two devices with one planted cookie, and returns both devices. */
  async function signInTwice(app: App, wait: number, path: string): Promise<readonly [Visitor, Visitor, string]> {
    const planted = cookieFor(app.live, { values: { division: 1 } })
    const devices = [app.visitor(planted), app.visitor(planted)] as const
    for (const device of devices) {
      await device.fetch(`${path}?user=ann`)
      for (let request = 0; request < 3; request += 1) await values(device)
      app.clock.advance(wait)
    }
    return [...devices, planted]
  }

  it.each(['/login/now', '/login/unused'])('leaves them two browsers, after a minute: %s', async (path) => {
    const app = await startWithUsers({ store: new AuthStore() })
    const [one, two] = await signInTwice(app, MINUTE + 1000, path)
    expect(nameOf(one)).not.toBe(nameOf(two))
    await set(one, { theme: 'dark', division: 5 })
    expect(await values(two)).toMatchObject({ theme: 'light', division: 5 })
  })

  it('leaves them two browsers even if others use the cookie meanwhile', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const [one, two, planted] = await signInTwice(app, MINUTE + 1000, '/login/unused')
    const others = [app.visitor(planted), app.visitor(planted), app.visitor(planted)]
    for (const other of others) {
      await other.fetch('/')
      await other.fetch('/')
      await other.fetch('/login/unused?user=ann')
      for (let request = 0; request < 3; request += 1) await values(other)
    }
    expect(new Set([one, two, ...others].map(nameOf)).size).toBe(5)
  })

  it('joins a double sign-in within a minute', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const [one, two] = await signInTwice(app, MINUTE - 1000, '/login/now')
    expect(nameOf(one)).toBe(nameOf(two))
  })
})

describe('threat 26: user ids', () => {
  /** An app with a JSON user id in a header. */
  function start(): Promise<App> {
    const options = { identify: (ctx: { get(name: string): string }) => JSON.parse(ctx.get('x-user')) }
    return App.start({
      options: options as AppOptions<AppFields>['options'] & object,
      attach: { handshake: [] },
      routes: (ctx) => {
        const { set } = ctx.query
        if (set !== undefined) void ctx.liveSession.setMany({ division: Number(set), secret: `secret ${set}` })
        ctx.body = [ctx.liveSession.get('division'), ctx.liveSession.get('secret')]
      },
    })
  }

  const as = (id: unknown): Record<string, string> => ({ 'x-user': asciiJson(id) })

  /** JSON in ASCII, for headers. */
  function asciiJson(value: unknown): string {
    return JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  }

  async function values(app: App, id: unknown, path = '/'): Promise<unknown> {
    return (await app.visitor().fetch(path, { headers: as(id) })).json()
  }

  it.each([
    [7, '07'],
    [7, '7.0'],
    [1000, '1e3'],
    ['ann', 's:ann'],
    ['ann', 'user:s:ann'],
    ['a:b', 'a'],
    [1, 'n:1'],
    ['browser:bbbbbbbbbbbbbbbbbbbbbb', 'bbbbbbbbbbbbbbbbbbbbbb'],
    ['__proto__', 'prototype'],
    ['constructor', 'toString'],
    ['ann', 'Ann'],
    ['ann', 'ann '],
    ['ann', 'ann\u0000'],
    ['\u00e9', 'e\u0301'],
    ['Null', 'undefined '],
    ['\ud83d\ude00', '\ud83d\ude01'],
    ['x'.repeat(256), 'x'.repeat(255)],
    [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  ])('are distinct: %j and %j', async (one, other) => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/?set=1', { headers: as(one) })
    expect(await values(app, one)).toEqual([1, 'secret 1'])
    expect(await values(app, other)).toEqual([-1, ''])
    const mine = await app.visitor().connect('/', as(one))
    const theirs = await app.visitor().connect('/', as(other))
    const [first, second] = [await mine.ticket(), await theirs.ticket()]
    expect(first.claims.sub).not.toBe(second.claims.sub)
    expect([first.claims.changes.length, second.claims.changes]).toEqual([1, []])
    await mine.change('division', 7)
    await theirs.change('cart', ['theirs'])
    await theirs.ticket()
    await theirs.ticket()
    expect(theirs.tickets.flatMap(({ claims }) => claims.changes.map(([key]) => key))).toEqual(['cart'])
    const stolen = await visitor.fetch('/', { headers: as(other) })
    expect(await stolen.json()).toEqual([-1, ''])
    expect(Object.prototype).not.toHaveProperty('division')
    expect(app.errors).toEqual([])
  })

  it('give no access to a guest whose browser id they equal', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/?set=1', { headers: as(null) })
    const { browser } = JSON.parse(Buffer.from(visitor.cookie.replace(/.*live=([^;]*).*/, '$1'), 'base64').toString())
    for (const id of [browser, `browser:${browser}`, `former:${browser}`])
      expect(await values(app, id)).toEqual([-1, ''])
  })

  it.each([
    ['an empty text', ''],
    ['a list', []],
    ['a list with an id', ['ann']],
    ['an object', {}],
    ['an object with an id', { id: 1 }],
    ['an object with a toString member', { toString: 'ann' }],
    ['a fraction', 1.5],
    ['an unsafe integer', 2 ** 53],
    ['true', true],
    ['257 characters', 'x'.repeat(257)],
    // All lone surrogates would have the same bytes in UTF-8.
    ['a lone high surrogate', '\ud800'],
    ['a lone low surrogate', '\udfff'],
  ])('are refused without being quoted: %s', async (_, id) => {
    const app = await start()
    const answer = await app.visitor().fetch('/?set=1', { headers: as(id) })
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([500, []])
    const refused = app.visitor().connect('/', as(id))
    await expect(refused).rejects.toMatchObject({ message: 'handshake failed' })
    expect(app.errors).toHaveLength(2)
    for (const error of app.errors) {
      expect(String(error)).toMatch(/^TypeError: koa-live-session: identify: expected a string of 1 to 256 characters/)
      expect(String(error).length).toBeLessThan(200)
    }
    expect(await values(app, 'ann')).toEqual([-1, ''])
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Symbol('ann'), 1n, () => 'ann'])('are refused: %p', async (id) => {
    const app = await App.start({
      options: { identify: () => id as never },
      attach: { handshake: [] },
    })
    expect((await app.visitor().fetch('/')).status).toBe(500)
    await expect(app.visitor().connect()).rejects.toThrow('handshake failed')
  })

  it('stand for a guest if null or undefined', async () => {
    const app = await App.start({
      options: { identify: (ctx) => (ctx.path === '/null' ? null : undefined) },
      attach: { handshake: [] },
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    expect([await app.visitor().text('/null'), await app.visitor().text('/')]).toEqual(['-1', '-1'])
  })
})

describe('threat 114: a text made of no id', () => {
  it.each(['undefined', 'null', 'NaN', '[object Object]'])('is refused: %s', async (id) => {
    const app = await App.start({
      options: { identify: () => id },
      routes: (ctx) => void ctx.liveSession.set('division', 1),
    })
    expect((await app.visitor().fetch('/')).status).toBe(500)
    const refusal = `expected a string of 1 to 256 characters or a whole number, received the text ${id}`
    const remedy = "Take the user's own id, like user.id"
    expect(app.errors.map(String)).toEqual([`TypeError: koa-live-session: identify: ${refusal}. ${remedy}`])
    await expect(app.live.revoke(id)).rejects.toThrow(`revoke(id): ${refusal}`)
  })
})

describe('threat 124: a number and the same text', () => {
  it.each<[UserId, UserId]>([
    [7, '7'],
    ['7', 7],
    [0, '0'],
    [-1, '-1'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ])('name one user: %j and %j', async (known, given) => {
    const app = await App.start({
      options: { identify: (ctx) => (ctx.get('x-other') ? given : known) },
      attach: { handshake: [] },
      routes: (ctx) => {
        ctx.body = [ctx.liveSession.get('division'), ctx.liveSession.userId]
      },
    })
    const visitor = app.visitor()
    const page = await visitor.connect()
    await page.change('division', 3)
    const other = { 'x-other': 'yes' }
    expect(await (await app.visitor().fetch('/', { headers: other })).json()).toEqual([3, String(known)])
    const user = await app.live.user(given)
    expect(user.get('division')).toBe(3)
    const theirs = await app.visitor().connect('/', other)
    await app.live.revoke(given)
    await Promise.all([page.closed, theirs.closed])
    expect(await app.live.revokedAt(known)).toBe(app.clock.now())
    await app.live.erase(given)
    expect((await app.live.user(known)).get('division')).toBe(-1)
  })
})
