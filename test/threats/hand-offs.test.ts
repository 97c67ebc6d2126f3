import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, memoryStore, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { STORE_SESSION } from '../../shared/protocol.js'
import { SKEW } from '../../shared/stamp.js'
import type { App } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { once } from '../support/app/awaited.js'
import { browserId } from '../support/app/browser-id.js'
import { startCluster } from '../support/app/cluster.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { ENDS } from '../support/app/ends.js'
import { flashPages, say, takeFlash } from '../support/app/flash-pages.js'
import { Gate } from '../support/app/gate.js'
import { bring, open, serveSignIn, signIn, TAKE, tokenFor, told } from '../support/app/hand-offs.js'
import { RawSocket } from '../support/app/raw-socket.js'
import type { TestSocket } from '../support/app/socket.js'
import { signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { bareTicket } from '../support/page/bare-ticket.js'
import { Page } from '../support/page/page.js'

const LIFETIME = 60_000

describe('hand-offs', () => {
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

    it('signs in no user who was revoked since (threat 106)', async () => {
      const { app, visitor, token } = await handed(optionsOf())
      await app.live.revoke('ann')
      const answer = await bring(visitor, token)
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([409, []])
      app.clock.advance(1)
      const { socket } = await open(app, visitor.cookie)
      expect((await bring(visitor, await tokenFor(socket))).status).toBe(303)
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

  describe('threat 117: a flood of hand-offs', () => {
    /** Starts so many hand-offs at once, and counts the refused ones. */
    async function refusals({ io }: TestSocket, count: number): Promise<number> {
      const answers = await Promise.all(Array.from({ length: count }, () => io.emitWithAck('sign-in', 'ann')))
      return answers.filter((answer) => answer === 'rate_limited').length
    }

    it.each([
      ['without a store', () => ({})],
      ['with a store', () => ({ store: memoryStore() })],
    ])('counts against the limit of changes, %s', async (_, optionsOf) => {
      const app = await start({ limits: { changesPerVisitor: 5 }, ...optionsOf() })
      const { visitor, socket } = await open(app)
      const { socket: other } = await open(app, visitor.cookie)
      expect((await refusals(socket, 20)) + (await refusals(other, 10))).toBe(20)
      app.clock.advance(1000)
      expect(await refusals(socket, 6)).toBe(1)
    })

    it('forgets only earlier hand-offs of its own browser', async () => {
      const app = await start({ cache: { maxVisitors: 40 }, limits: { changesPerVisitor: 1000 } })
      const { visitor, socket } = await open(app)
      const other = await open(app)
      const [early, others] = [await tokenFor(socket), await tokenFor(other.socket)]
      expect(await refusals(socket, 1000)).toBe(0)
      const late = await tokenFor(socket)
      expect((await take(visitor, early)).status).toBe(401)
      expect((await take(other.visitor, others)).status).toBe(200)
      expect((await take(visitor, late)).status).toBe(200)
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
})

describe('relayed events', () => {
  const ENDPOINT = '/store_session'
  const HAND_OFF = 'live_session:hand_off'

  /** An app that relays clients' events of any name to all others. */
  async function start(): Promise<App> {
    const app = await startWithUsers({ routes: signIn })
    serveSignIn(app)
    app.io.on('connection', (socket) => {
      socket.on('say', (event, ...args) => socket.broadcast.emit(event, ...args))
    })
    return app
  }

  /** POSTs a relayed hand-off as the page does. */
  const obey = async (visitor: Visitor, token: string, headers = {}): Promise<readonly unknown[]> => {
    const answer = await bring(visitor, token, headers, ENDPOINT)
    return [answer.status, answer.headers.get('location'), answer.headers.getSetCookie()]
  }

  /** A response that keeps the browser on its page. */
  const NOWHERE = [204, null, []]
  const ONWARD = [307, '/sign-in', []]

  describe('threat 62: a hand-off that a stranger relays', () => {
    it('does not navigate another visitor’s page', async () => {
      const app = await start()
      const [eve, ann] = [await open(app), await open(app)]
      const heard = once(ann.socket.io, HAND_OFF)
      const good = await tokenFor(eve.socket, 'eve')
      eve.socket.io.emit('say', HAND_OFF, good)
      expect(await heard).toEqual([good])
      for (const token of [good, '/account/delete', '//evil.example', '']) {
        expect(await obey(ann.visitor, token)).toEqual(NOWHERE)
      }
      expect(await obey(app.visitor(), good)).toEqual(NOWHERE)
      for (let time = 0; time < 2; time += 1) expect(await obey(eve.visitor, good)).toEqual(ONWARD)
      expect(await (await bring(eve.visitor, good, {}, TAKE)).json()).toEqual({ user: 'eve' })
      expect(app.errors).toEqual([])
    })

    it('leads nowhere after its expiry or another user’s sign-in', async () => {
      const app = await start()
      const [ann, bob] = [await open(app), await open(app)]
      const [late, former] = [await tokenFor(ann.socket), await tokenFor(bob.socket)]
      await bob.visitor.fetch('/login/now?user=bob')
      expect(await obey(bob.visitor, former)).toEqual(NOWHERE)
      app.clock.advance(LIFETIME)
      expect(await obey(ann.visitor, late)).toEqual(NOWHERE)
    })

    it('fails from another site', async () => {
      const app = await start()
      const { visitor, socket } = await open(app)
      const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
      expect(await obey(visitor, await tokenFor(socket), headers)).toEqual([403, null, []])
    })
  })

  describe('threat 98: a forged ticket that a stranger relays', () => {
    const NOW = 1_800_000_000_000

    it.each([
      ['of a made-up subject', { sub: 'made-up' }, NOW],
      ['with the largest possible stamp', { sub: subjectHash(userSubject('ann')) }, 2 ** 53 - 2],
    ])('does not change the page: %s', async (_, claims, stamp) => {
      const app = await start()
      const visitor = await signedInAs(app)
      const page = await Page.open(visitor)
      await page.connected()
      const { socket } = await open(app)
      const heard = once(page.socket, STORE_SESSION)
      const changes = [['division', stamp, 'against the schema']] as const
      socket.io.emit('say', STORE_SESSION, bareTicket({ iat: NOW / 1000, ...claims, changes }))
      await heard
      expect([page.live.get('division'), page.posts.filter(({ tickets }) => tickets)]).toEqual([-1, []])
      page.close()
    })
  })

  describe('threat 38: a handshake in slow middleware', () => {
    interface Held {
      readonly app: App
      readonly ann: Visitor
      readonly gate: Gate
    }

    /** Starts an app whose middleware holds the namespace's sockets back. */
    async function start(namespace: string): Promise<Held> {
      const app = await startWithUsers({ store: new AuthStore() })
      const gate = new Gate()
      app.io.of(namespace).use((_socket, next) => void gate.pass().then(() => next()))
      const ann = await signedInAs(app)
      return { app, ann, gate }
    }

    const change = async (app: App): Promise<void> => {
      await (await app.live.user('ann')).set('division', 66)
      await app.live.settled()
    }

    it.each(ENDS)('fails after %s', async (_, end) => {
      const { app, ann, gate } = await start('/')
      const socket = await RawSocket.open(app.url, { cookie: ann.cookie, origin: app.url })
      socket.send('40')
      await gate.entered
      await end(app, ann)
      await change(app)
      gate.open()
      await socket.closed
      await change(app)
      expect(socket.received.filter((text) => text.startsWith('42'))).toEqual([])
      expect(app.io.sockets.sockets.size).toBe(0)
    })

    it.each(ENDS)('fails in other namespaces after %s', async (_, end) => {
      const { app, ann, gate } = await start('/slow')
      app.io.of((_name, _auth, next) => void gate.pass().then(() => next(null, true)))
      const socket = await RawSocket.enter(app.url, ann.cookie)
      for (const packet of ['40/slow,', '40/dynamic,']) socket.send(packet)
      await gate.entered
      await end(app, ann)
      gate.open()
      await socket.closed
      await change(app)
      expect(socket.received.filter((text) => /slow|dynamic/.test(text))).toEqual([])
      expect([app.io.sockets.sockets.size, app.io.of('/slow').sockets.size]).toEqual([0, 0])
    })

    it('reconnects as the new user of its browser', async () => {
      const { app, ann, gate } = await start('/')
      const page = ann.open()
      await gate.entered
      await ann.fetch('/login/now?user=bob')
      gate.open()
      await (await page).connected()
      const users = [...app.io.sockets.sockets.values()].map((socket) => socket.liveSession.userId)
      expect(users).toEqual(['bob'])
    })
  })
})

describe('flash', () => {
  const PLANTED = browserId('planted-by-an-attacker')
  const LURE = 'Your card was refused: call us'

  /** An attacker and a victim with the same planted guest cookie. */
  async function start() {
    const app = await startWithUsers({ routes: flashPages })
    app.io.on('connection', (socket) => {
      socket.on('say', (message: string, answer: () => void) => void socket.liveSession.flash(message).then(answer))
    })
    const cookie = cookieFor(app.live, { browserId: PLANTED })
    return { app, victim: app.visitor(cookie), attacker: app.visitor(cookie) }
  }

  describe('threat 65: a message under a planted guest id', () => {
    it.each(['/login/now?user=ann', '/login?user=ann'])('is not shown after the sign-in: %s', async (path) => {
      const { victim, attacker } = await start()
      await say(attacker, LURE)
      const socket = await attacker.connect()
      await socket.ticket()
      await socket.io.emitWithAck('say', LURE)
      await victim.fetch(path)
      expect(await takeFlash(victim)).toEqual([])
      expect(victim.cookie).not.toContain('flash')
      const page = await victim.connect()
      await page.ticket()
      expect(await page.io.emitWithAck('live_session:take_flash')).toEqual({ ok: true, messages: [] })
    })

    it('is not shown beside the sign-in’s own message', async () => {
      const { app, attacker } = await start()
      await say(attacker, LURE)
      const victim = app.visitor(attacker.cookie)
      await victim.fetch('/flash/say/in/identify?what=welcome&user=ann')
      expect(await takeFlash(victim)).toEqual(['welcome'])
    })
  })

  describe('threat 66: a flash message', () => {
    const sibling = { 'sec-fetch-site': 'same-site' }

    it.each<[string, Record<string, string>]>([
      ['a fetch of a sibling', { ...sibling, 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'no-cors' }],
      ['a fetch of a sibling with CORS', { ...sibling, 'sec-fetch-dest': 'empty', origin: 'https://sibling.example' }],
      ['a fetch of another site over plain http', { origin: 'http://other.example' }],
      ['a fetch of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'empty' }],
      ['a frame of a sibling', { ...sibling, 'sec-fetch-dest': 'iframe', 'sec-fetch-mode': 'navigate' }],
      ['a frame after its own navigation', { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'iframe' }],
      ['a fenced frame', { ...sibling, 'sec-fetch-dest': 'fencedframe' }],
      ['an object', { ...sibling, 'sec-fetch-dest': 'object' }],
      ['a script', { 'sec-fetch-dest': 'script' }],
      ['a prefetch', { 'sec-purpose': 'prefetch' }],
      ['a prerendering', { 'sec-purpose': 'prefetch;prerender' }],
      ['a prefetch of an older browser', { purpose: 'prefetch' }],
      ['a prefetch of a script', { 'x-sec-purpose': 'prefetch' }],
      ['a preview', { 'x-purpose': 'preview' }],
    ])('survives %s', async (_, headers) => {
      const { victim } = await start()
      await say(victim, 'saved')
      expect(await takeFlash(victim, { headers })).toEqual([])
      for (const method of ['HEAD', 'OPTIONS']) await victim.fetch('/flash/take', { method })
      expect(await takeFlash(victim)).toEqual(['saved'])
    })

    it.each<[string, Record<string, string>]>([
      ['a link of a sibling', { ...sibling, 'sec-fetch-dest': 'document' }],
      ['a form of another site over plain http', { origin: 'http://other.example', 'upgrade-insecure-requests': '1' }],
      ['a typed address', { 'sec-fetch-site': 'none', 'sec-fetch-dest': 'document' }],
      ['a fetch of an open page of this origin', { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'empty' }],
      ['a page of an old browser', {}],
    ])('is shown by %s', async (_, headers) => {
      const { victim } = await start()
      await say(victim, 'saved')
      expect(await takeFlash(victim, { headers })).toEqual(['saved'])
    })

    it('is shown by a fetch of a page of a listed origin', async () => {
      const trusted = 'https://app.example'
      const app = await startWithUsers({ routes: flashPages, options: { origins: [trusted] } as never })
      const visitor = app.visitor(cookieFor(app.live, {}))
      await say(visitor, 'saved')
      const headers = { ...sibling, 'sec-fetch-dest': 'empty', origin: trusted }
      expect(await takeFlash(visitor, { headers })).toEqual(['saved'])
    })
  })
})
