import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, memoryStore, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { SKEW } from '../../shared/stamp.js'
import type { App } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { startCluster } from '../support/app/cluster.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { Gate } from '../support/app/gate.js'
import { bring, open, serveSignIn, signIn, TAKE, tokenFor, told } from '../support/app/hand-offs.js'
import { signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const LIFETIME = 60_000

async function start(options: object = {}, given: object = {}): Promise<App> {
  const app = await startWithUsers({ routes: signIn, options: options as never, ...given })
  serveSignIn(app)
  return app
}

/** Returns a visitor with the token of a hand-off for a sign-in. */
async function handed(options: object) {
  const app = await start(options)
  const { visitor, socket } = await open(app)
  return { app, visitor, socket, token: await tokenFor(socket) }
}

const statuses = async (answers: readonly Promise<Response>[]): Promise<readonly number[]> =>
  (await Promise.all(answers)).map(({ status }) => status).sort()

/** The sorted statuses of 50 requests, of which one succeeds. */
const ONCE: readonly number[] = [200, ...Array.from({ length: 49 }, () => 401)]
const take = (visitor: Visitor, token: string): Promise<Response> => bring(visitor, token, {}, TAKE)

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('threat 4: a hand-off %s', (_, optionsOf) => {
  it('signs its user in under a new browser id', async () => {
    const app = await start(optionsOf())
    const { visitor, socket } = await open(app)
    const { browser } = cookieContent(visitor)
    await socket.change('cart', ['a'])
    const closed = socket.closed
    const answer = await bring(visitor, await tokenFor(socket))
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
    await closed
    expect(cookieContent(visitor)).toMatchObject({ user: expect.any(String) })
    expect(cookieContent(visitor).browser).not.toBe(browser)
    const connected = once(app.io, 'connection')
    await visitor.connect()
    expect((await connected)[0].liveSession.userId).toBe('ann')
    expect(await values(visitor)).toMatchObject({ cart: ['a'] })
    expect(app.errors).toEqual([])
  })

  it('succeeds once among 50 parallel requests', async () => {
    const { visitor, token } = await handed(optionsOf())
    expect(await statuses(Array.from({ length: 50 }, () => take(visitor, token)))).toEqual(ONCE)
    expect((await take(visitor, token)).status).toBe(401)
  })

  it('expires after 60 s', async () => {
    const app = await start(optionsOf())
    const [{ visitor, socket }, other] = [await open(app), await open(app)]
    const [token, late] = [await tokenFor(socket), await tokenFor(other.socket)]
    app.clock.advance(LIFETIME - 1000)
    expect((await bring(visitor, token)).status).toBe(303)
    app.clock.advance(1000)
    expect((await bring(other.visitor, late)).status).toBe(401)
  })

  it('fails in another browser', async () => {
    const app = await start(optionsOf())
    const [attacker, victim] = [await open(app), app.visitor(cookieFor(app.live, {}))]
    const token = await tokenFor(attacker.socket, 'mallory')
    for (const cookieless of [app.visitor(), victim]) {
      expect((await bring(cookieless, token)).status).toBe(401)
      expect(cookieless.cookie).not.toContain('app=')
    }
    expect((await bring(attacker.visitor, token)).status).toBe(303)
  })

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a sibling', { 'sec-fetch-site': 'same-site', origin: 'https://evil.example.com' }],
    ['another site without Sec-Fetch-Site', { 'sec-fetch-site': '', origin: 'https://evil.example' }],
    ['a sandbox', { 'sec-fetch-site': '', origin: 'null' }],
  ])('fails from %s and stays unspent', async (_from, headers) => {
    const { visitor, token } = await handed(optionsOf())
    const answer = await bring(visitor, token, headers)
    expect([answer.status, await answer.text()]).toEqual([403, expect.not.stringContaining(token)])
    expect((await bring(visitor, token)).status).toBe(303)
  })

  it('fails if another user signs in during the request', async () => {
    const gate = new Gate()
    const slow = z.object({ user: z.string() }).refine(() => gate.pass().then(() => true))
    const app = await start(optionsOf(), {
      routes: async (ctx: Koa.Context, next: Koa.Next) => {
        if (ctx.path !== '/slow') return signIn(ctx, next)
        ctx.body = { handed: (await ctx.liveSession.takeHandOff('sign-in', slow)) ?? 'nothing' }
      },
    })
    const { visitor, socket } = await open(app)
    const answer = bring(app.visitor(visitor.cookie), await tokenFor(socket), {}, '/slow')
    await gate.entered
    await visitor.fetch('/login/now?user=bob')
    gate.open()
    expect(await (await answer).json()).toEqual({ handed: 'nothing' })
  })

  it.each<[string, (app: App, visitor: Visitor) => Promise<unknown>]>([
    ['a revocation', (app) => app.live.revoke('bob')],
    ['another sign-in', (_, visitor) => visitor.fetch('/login/now?user=eve')],
  ])('fails after %s', async (_, end) => {
    const app = await start(optionsOf())
    const visitor = await signedInAs(app, 'bob')
    const old = app.visitor(visitor.cookie)
    const socket = await visitor.connect()
    await socket.ticket()
    const token = await tokenFor(socket)
    await end(app, visitor)
    for (const each of [visitor, old]) expect((await bring(each, token)).status).toBe(401)
  })

  it('fails for another purpose', async () => {
    const app = await start(optionsOf())
    app.io.on('connection', (socket) => {
      socket.on('other', () => void socket.liveSession.handOff('other', { user: 'eve' }, { to: '/sign-in' }))
    })
    const { visitor, socket } = await open(app)
    const next = told(socket)
    socket.io.emit('other')
    expect((await bring(visitor, await next)).status).toBe(401)
  })

  it.each([
    ['cut', (token: string) => token.slice(0, -4)],
    ['with a shorter tag', (token: string) => token.replace(/\.([^.]{16})[^.]*$/, '.$1')],
    ['with another tag', (token: string) => token.replace(/\.[^.]*$/, `.${'A'.repeat(22)}`)],
    [
      'with another text',
      (token: string) => part(token, 3, (text) => `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`),
    ],
    ['with another IV', (token: string) => part(token, 2, () => 'A'.repeat(16))],
    ['with a wrapped key', (token: string) => part(token, 1, () => 'A'.repeat(43))],
    ['of another algorithm', (token: string) => header(token, { alg: 'none' })],
    ['of another cipher', (token: string) => header(token, { enc: 'A128GCM' })],
    ['of another type', (token: string) => header(token, { typ: 'live-session+jwt' })],
    ['of an unknown key', (token: string) => header(token, { kid: 'AAAAAAAA' })],
    ['with critical headers', (token: string) => header(token, { crit: ['zip'], zip: 'DEF' })],
    ['with an extra part', (token: string) => `${token}.A`],
    ['of 40 kB', (token: string) => token + 'A'.repeat(40_000)],
    ['without text', () => ''],
  ])('fails with an altered token, and stays unspent: %s', async (_title, change) => {
    const { visitor, token } = await handed(optionsOf())
    expect((await bring(visitor, change(token))).status).toBe(401)
    expect((await bring(visitor, token)).status).toBe(303)
  })

  it('fails at an app with the same secrets and another cookie name', async () => {
    const options = optionsOf()
    const clock = testClock()
    const [one, two] = [
      await start({ ...options, key: 'one' }, { clock }),
      await start({ ...options, key: 'two' }, { clock }),
    ]
    const browserId = 'a-browser-id-of-both-the-apps'
    const { socket } = await open(one, cookieFor(one.live, { browserId }))
    const token = await tokenFor(socket)
    expect((await bring(two.visitor(cookieFor(two.live, { browserId })), token)).status).toBe(401)
  })

  it('fails if its date is ahead of the clock', async () => {
    const app = await start(optionsOf())
    const { visitor, socket } = await open(app)
    app.clock.advance(SKEW + 1001)
    const token = await tokenFor(socket)
    app.clock.advance(-SKEW - 1001)
    expect((await bring(visitor, token)).status).toBe(401)
    app.clock.advance(1001)
    expect((await bring(visitor, token)).status).toBe(303)
  })

  it('needs a connection with a live cookie', async () => {
    const app = await start(optionsOf())
    const socket = await app.visitor().connect()
    socket.io.on('live_session:hand_off', () => app.errors.push('handed off'))
    expect(await socket.io.emitWithAck('sign-in', 'ann')).toBe('cookies_blocked')
    expect(app.errors).toEqual([])
  })

  it('reaches only the socket that asked for it', async () => {
    const { visitor, socket } = await open(await start(optionsOf()))
    const other = await visitor.connect()
    const heard: unknown[] = []
    other.io.on('live_session:hand_off', (...args) => heard.push(args))
    await tokenFor(socket)
    await other.change('division', 1)
    expect(heard).toEqual([])
  })
})

describe('threat 4: a hand-off that waits for the store', () => {
  it.each<[string, (visitor: Visitor, app: App) => Promise<unknown>]>([
    ['the browser id is retired', (visitor) => visitor.fetch('/login/now?user=eve')],
    ['the user is revoked', (_, app) => app.live.revoke('bob')],
  ])('fails if %s meanwhile', async (_, end) => {
    const store = memoryStore()
    const gate = new Gate()
    const { compareAndSet } = store
    store.compareAndSet = async (name, ...rest) => {
      if (name.startsWith('hand-off:')) await gate.pass()
      return compareAndSet.call(store, name, ...rest)
    }
    const app = await start({ store })
    const visitor = await signedInAs(app, 'bob')
    const socket = await visitor.connect()
    await socket.ticket()
    const answer = take(app.visitor(visitor.cookie), await tokenFor(socket))
    await gate.entered
    await end(visitor, app)
    gate.open()
    expect((await answer).status).toBe(401)
  })
})

describe('threat 4: a hand-off at several nodes', () => {
  it('succeeds once among 50 parallel requests with a store', async () => {
    const store = memoryStore()
    const { one, two } = await startCluster(() => ({ store }), signIn)
    for (const app of [one, two]) serveSignIn(app)
    const { visitor, socket } = await open(one)
    const token = await tokenFor(socket)
    const other = two.visitor(visitor.cookie)
    const answers = Array.from({ length: 50 }, (_, at) => take(at % 2 === 0 ? visitor : other, token))
    expect(await statuses(answers)).toEqual(ONCE)
  })

  it('succeeds under a retired secret, not under a removed secret', async () => {
    const [old, young] = ['an old secret of at least thirty-two bytes', 'a young secret of at least thirty-two bytes']
    const store = memoryStore()
    const clock = testClock()
    const [before, after, later] = [
      await start({ store }, { keys: [old], clock }),
      await start({ store }, { keys: [young, old], clock }),
      await start({ store }, { keys: [young], clock }),
    ]
    const [{ visitor, socket }, other] = [await open(before), await open(before)]
    const [token, removed] = [await tokenFor(socket), await tokenFor(other.socket)]
    expect((await bring(after.visitor(visitor.cookie), token)).status).toBe(303)
    const { browser } = cookieContent(other.visitor)
    expect((await bring(later.visitor(cookieFor(later.live, { browserId: browser })), removed)).status).toBe(401)
  })

  it('without a store succeeds only at its own node', async () => {
    const { one, two } = await startCluster(() => ({}), signIn)
    serveSignIn(one)
    const { visitor, socket } = await open(one)
    const token = await tokenFor(socket)
    expect((await bring(two.visitor(visitor.cookie), token)).status).toBe(401)
    expect((await bring(visitor, token)).status).toBe(303)
  })

  it.each([
    ['without a store', undefined, 401],
    ['with a store', memoryStore(), 200],
  ])('survives a restart only with a store: %s', async (_, store, status) => {
    const before = await start({ store })
    const { visitor, socket } = await open(before)
    const token = await tokenFor(socket)
    await before.stop()
    const app = await start({ store }, { clock: before.clock })
    const same = app.visitor(visitor.cookie)
    expect((await take(same, token)).status).toBe(status)
    expect((await take(same, token)).status).toBe(401)
  })

  it('fails while the store is down', async () => {
    const store = memoryStore()
    const { visitor, token } = await handed({ store })
    store.fail(Number.POSITIVE_INFINITY)
    const answer = await bring(visitor, token)
    expect(answer.status).toBe(503)
    expect((await bring(visitor, token)).status).toBe(503)
  })
})

function part(token: string, at: number, change: (text: string) => string): string {
  return token
    .split('.')
    .map((text, index) => (index === at ? change(text) : text))
    .join('.')
}

function header(token: string, other: object): string {
  return part(token, 0, (text) => {
    const read = JSON.parse(Buffer.from(text, 'base64url').toString())
    return Buffer.from(JSON.stringify({ ...read, ...other })).toString('base64url')
  })
}
