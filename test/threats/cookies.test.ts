import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { CookieJar } from 'tough-cookie'
import { z } from 'zod'
import { browserSubject, subjectHash } from '../../server/subjects/subject.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { AuthStore, auth } from '../support/app/auth.js'
import { once } from '../support/app/awaited.js'
import { browserId } from '../support/app/browser-id.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { liveOnly } from '../support/app/departures.js'
import { isRetired } from '../support/app/kinds-of-cookies.js'
import { present } from '../support/app/present.js'
import { readCookie, signedCookie } from '../support/app/signed-cookie.js'
import { readClaims } from '../support/app/socket.js'
import { DAY } from '../support/app/times.js'
import { set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

describe('cookies', () => {
  const SECRET = 'the secret that all of these apps are signed with'
  const BROWSER = browserId('b')
  /** A text as long as a signature. */
  const FOREIGN = 'x'.repeat(43)

  /** Counts visits in `ctx.session`, and sets and returns a value. */
  const echo: Koa.Middleware = (ctx) => {
    const { session, liveSession, query } = ctx
    session.visits = (session.visits ?? 0) + 1
    if (query['set'] !== undefined) void liveSession.set('division', Number(query['set']))
    ctx.body = { visits: session.visits, division: liveSession.get('division') }
  }

  function start(options: AppOptions<AppFields>['options'] = {}): Promise<App> {
    return App.start({ keys: [SECRET], before: (koa) => [auth(koa)], routes: echo, ...(options ? { options } : {}) })
  }

  const names = (answer: Response): string[] =>
    answer.headers.getSetCookie().map((cookie) => cookie.split('=')[0] ?? '')

  describe('threat 15: an invalid live cookie', () => {
    const register = ['division', Date.now(), 66]
    const payload = { v: 1, browser: BROWSER, epoch: 0, exp: Date.now() + DAY, r: [register] }
    const good = signedCookie(SECRET, payload)

    it('varies a cookie that the server accepts', async () => {
      const app = await start()
      expect(await (await app.visitor(good).fetch('/')).json()).toEqual({ visits: 1, division: 66 })
    })

    it.each([
      ['garbage', 'live=garbage; live.sig=garbage'],
      ['empty', 'live=; live.sig='],
      ['binary', 'live=\u00ff\u00fe; live.sig=\u00ff'],
      ['very long', `live=${'A'.repeat(7000)}; live.sig=${'A'.repeat(43)}`],
      ['without a signature', good.split('; ')[0] ?? ''],
      ['a signature alone', good.split('; ')[1] ?? ''],
      ['tampered with', good.replace('live=e', 'live=f')],
      ['truncated', good.replace(/..;/, ';')],
      ['with a truncated signature', good.slice(0, -1)],
      ['with a longer signature', `${good}A`],
      ['re-encoded with another padding', good.replace('; ', '=; ')],
      ['signed with another secret', signedCookie('x'.repeat(SECRET.length), payload)],
      ['signed as a ticket is', signedCookie(SECRET, payload, { purpose: 'ticket' })],
      ['signed under another name', signedCookie(SECRET, payload, { name: 'evil' }).replaceAll('evil', 'live')],
      ['of an old version', signedCookie(SECRET, { ...payload, v: 0 })],
      ['without a version', signedCookie(SECRET, { ...payload, v: undefined })],
      ['expired', signedCookie(SECRET, { ...payload, exp: Date.now() - 1 })],
      ['signed, but no JSON', signedCookie(SECRET, 'garbage')],
      ['signed, but null', signedCookie(SECRET, 'null')],
      ['signed, with a key of the prototype', signedCookie(SECRET, { ...payload, r: [['__proto__', 1, 1]] })],
      ['signed, with an invalid stamp', signedCookie(SECRET, { ...payload, r: [['division', 'now', 1]] })],
    ])('is ignored, and replaced by the next write or POST: %s', async (_, cookie) => {
      const app = await start()
      // Makes the server remember the verified signature.
      await app.visitor(good).fetch('/')
      const visitor = app.visitor(cookie)
      const read = await visitor.fetch('/')
      expect([read.status, await read.json(), names(read)]).toEqual([
        200,
        { visits: 1, division: -1 },
        ['app', 'app.sig'],
      ])
      const written = await visitor.fetch('/?set=3')
      expect(names(written)).toEqual(['app', 'app.sig', 'live', 'live.sig'])
      expect(await (await visitor.fetch('/')).json()).toEqual({ visits: 3, division: 3 })
      const socket = await app.visitor().connect('/', { cookie })
      const { claims } = await socket.ticket()
      expect([(await socket.greeted).hasCookie, claims.changes]).toEqual([undefined, []])
      const stored = await app.visitor().store({}, { cookie })
      const { greeting, ...answer } = await stored.json()
      expect([stored.status, answer]).toEqual([200, { who: expect.any(String), results: [], persisted: [] }])
      for (const ticket of greeting) expect(readClaims(ticket).changes).toEqual([])
      expect(names(stored)).toEqual(['live', 'live.sig'])
      expect(readCookie(stored.headers.getSetCookie()[0] ?? '')['browser']).not.toBe(BROWSER)
      expect(app.errors).toEqual([])
    })

    it('is kept if a newer build wrote it', async () => {
      const app = await start()
      const visitor = app.visitor(signedCookie(SECRET, { ...payload, v: 2, r: 'in a way that only it knows' }))
      const before = visitor.cookie
      for (const path of ['/', '/?set=3', '/?set=4'])
        expect(names(await visitor.fetch(path))).toEqual(['app', 'app.sig'])
      expect((await visitor.store({ set: [['division', -1, '', 5]] })).headers.getSetCookie()).toEqual([])
      expect(visitor.cookie).toContain(before)
    })
  })

  describe('threats 16 and 41: tossed cookies', () => {
    it.each([
      ['ahead of it', (own: string) => `live=evil; live.sig=evil; ${own}`],
      ['behind it', (own: string) => `${own}; live=evil; live.sig=evil`],
      ['between value and signature', (own: string) => own.replace('; ', '; live=evil; live.sig=evil; ')],
      [
        'with the signature ahead',
        (own: string) => `live.sig=evil; live=evil; ${own.split('; ').reverse().join('; ')}`,
      ],
      ['without spaces', (own: string) => `live=evil;live.sig=evil;${own.replace('; ', ';')}`],
      ['under similar names', (own: string) => `xlive=evil; xlive.sig=evil; ${own}`],
      ['ten times', (own: string) => `${'live=evil; live.sig=evil; '.repeat(10)}${own}`],
      ['as a signature ahead of it', (own: string) => `live.sig=${FOREIGN}; ${own}`],
      ['as a signature behind it', (own: string) => `${own}; live.sig=${FOREIGN}`],
      ['as a signature between', (own: string) => own.replace('; ', `; live.sig=${FOREIGN}; `)],
      ['as an empty signature', (own: string) => `live.sig=; ${own}`],
    ])('do not hide the valid cookie: garbage %s', async (_, toss) => {
      const app = await start()
      const own = cookieFor(app.live, { browserId: BROWSER, values: { division: 5 } })
      const read = await app.visitor().fetch('/', { headers: { cookie: toss(own) } })
      expect(await read.json()).toMatchObject({ division: 5 })
      expect(names(read)).toEqual(['app', 'app.sig'])
      const written = await app.visitor().fetch('/?set=6', { headers: { cookie: toss(own) } })
      const cookies = written.headers.getSetCookie().filter((cookie) => cookie.startsWith('live'))
      expect(readCookie(cookies[0] ?? '')).toMatchObject({ browser: BROWSER, r: [['division', expect.anything(), 6]] })
      // Koa's cookies module would expire the signature of an invalid first cookie.
      expect(cookies.filter((cookie) => /\.sig=;|1970/.test(cookie))).toEqual([])
      const socket = await app.visitor().connect('/', { cookie: toss(own) })
      expect((await socket.ticket()).claims).toMatchObject({ sub: subjectHash(browserSubject(BROWSER)) })
      expect(await socket.greeted).toMatchObject({ hasCookie: true })
      expect((await (await app.visitor().store({}, { cookie: toss(own) })).json()).persisted).toHaveLength(1)
    })

    it.each([
      ['a longer name', (own: string) => own.replaceAll('live', 'evil-live')],
      ['a name of two words', (own: string) => own.replaceAll('live', 'evil live')],
      ['the value of another cookie', (own: string) => own.replaceAll('live', 'evil=live')],
    ])('have no effect within %s', async (_, toss) => {
      const app = await start()
      const tossed = toss(cookieFor(app.live, { values: { division: 66 } }))
      expect(await (await app.visitor().fetch('/', { headers: { cookie: tossed } })).json()).toMatchObject({
        division: -1,
      })
    })

    describe('with the option secure', () => {
      it('cannot have a __Host- name', async () => {
        const app = await start({ secure: true })
        const answer = await app.visitor().fetch('/?set=3')
        const jar = new CookieJar(undefined, { prefixSecurity: 'strict' })
        const live = answer.headers.getSetCookie().filter((cookie) => cookie.startsWith('__Host-live'))
        expect(live).toHaveLength(2)
        for (const cookie of live) jar.setCookieSync(cookie, 'https://shop.example.com/')
        const tossed = `${present(live[0]).replace(/;.*/, '')}; Domain=example.com; Path=/; Secure`
        expect(() => jar.setCookieSync(tossed, 'https://evil.example.com/')).toThrow('__Host prefix')
        expect(jar.getCookiesSync('https://shop.example.com/')).toHaveLength(2)
        expect(jar.getCookiesSync('https://evil.example.com/')).toEqual([])
      })

      it('have no effect under the name without the prefix', async () => {
        const app = await start({ secure: true })
        const payload = { v: 1, browser: BROWSER, epoch: 0, exp: Date.now() + DAY, r: [['division', Date.now(), 66]] }
        const plain = signedCookie(SECRET, payload)
        for (const cookie of [plain, plain.replaceAll('live', '__Host-live')]) {
          expect(await (await app.visitor(cookie).fetch('/')).json()).toMatchObject({ division: -1 })
        }
      })
    })
  })

  describe('threat 54: two apps with the same secrets', () => {
    it('accept each other\u2019s cookies under the same name only', async () => {
      const start = (key: string): Promise<App> =>
        App.start({ before: (koa) => [auth(koa)], routes: echo, options: { key } })
      const [one, same, other] = [await start('one'), await start('one'), await start('other')]
      const cookie = cookieFor(one.live, { values: { division: 7 } })
      const division = async (app: App, text: string) => (await (await app.visitor(text).fetch('/')).json()).division
      expect([await division(one, cookie), await division(same, cookie)]).toEqual([7, 7])
      expect(await division(other, cookie.replaceAll('one', 'other'))).toBe(-1)
      expect(await division(one, cookie.replaceAll('one', 'One'))).toBe(-1)
    })
  })
})

describe('cookie tossing', () => {
  const [OWN, PLANTED] = [browserId('their-own'), browserId('planted-by-an-attacker')]
  const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }

  /** Returns the Cookie header for `shop.example.com` after `evil.example.com` has planted a pair on a longer path. */
  function tossed(own: string, planted: string): string {
    const jar = new CookieJar()
    for (const pair of own.split('; ')) jar.setCookieSync(`${pair}; Path=/`, 'https://shop.example.com/')
    for (const pair of planted.split('; '))
      jar.setCookieSync(`${pair}; Domain=example.com; Path=/cart`, 'https://evil.example.com/')
    return jar.getCookieStringSync('https://shop.example.com/cart')
  }

  const start = (given: AppOptions<AppFields> = {}) => startWithUsers({ store: new AuthStore(), ...given })
  const ownOf = (app: App) => cookieFor(app.live, { browserId: OWN, values: { division: 5, cart: ['own'] } })
  const plantedOf = (app: App) => cookieFor(app.live, { browserId: PLANTED, values: { division: 66, cart: ['evil'] } })

  describe('threat 59: invalid pairs planted by a sibling subdomain', () => {
    const bad = (index: number): string => `live=${`${index}`.padEnd(90, 'A')}; live.sig=${`${index}`.padEnd(43, 'B')}`
    const alone =
      (part: number) =>
      (index: number): string =>
        bad(index).split('; ')[part] ?? ''
    it.each([
      ['17 pairs', 17, bad],
      ['90 pairs', 90, bad],
      ['150 values', 150, alone(0)],
      ['200 signatures', 200, alone(1)],
    ] as const)('do not hide the valid pair: %s', async (_, count, planted) => {
      const app = await start()
      const own = ownOf(app)
      const all = Array.from({ length: count }, (_, index) => planted(index)).join('; ')
      for (const cookie of [`${all}; ${own}`, `${own}; ${all}`]) {
        const answer = await fetch(app.url, { headers: { cookie } })
        expect(await answer.json()).toMatchObject({ division: 5 })
        expect(answer.headers.getSetCookie()).toEqual([])
      }
    })
  })

  it('the server reads the user’s own cookie behind an attacker’s valid cookie', async () => {
    const app = await start()
    const ann = await signedInAs(app)
    await set(ann, { division: 3 })
    const headers = { cookie: `${cookieFor(app.live, { values: { division: 666 } })}; ${ann.cookie}` }
    expect(await (await fetch(app.url, { headers })).json()).toMatchObject({ division: 3 })
    expect((await app.live.user('ann')).get('division')).toBe(3)
  })

  describe('threat 59: a valid guest cookie planted by a sibling subdomain', () => {
    /** Sends a request with the planted cookie ahead of the visitor's own cookies. */
    async function send(visitor: Visitor, planted: string, path = '/'): Promise<unknown> {
      const answer = await fetch(visitor.url + path, { headers: { cookie: `${planted}; ${visitor.cookie}` } })
      for (const cookie of answer.headers.getSetCookie()) visitor.jar.setCookieSync(cookie, visitor.url)
      return answer.json()
    }

    it('is retired, and so is the browser\u2019s own cookie', async () => {
      const app = await start()
      const [own, planted] = [ownOf(app), plantedOf(app)]
      expect(tossed(own, planted)).toBe(`${planted}; ${own}`)
      const visitor = app.visitor(own)
      expect(await send(visitor, planted)).toEqual(NOTHING)
      for (const id of [OWN, PLANTED]) {
        expect(isRetired(app, browserSubject(id))).toBe(true)
        expect(cookieContent(visitor).browser).not.toBe(id)
      }
    })

    it('is ignored afterwards, because the browser has a new id', async () => {
      const app = await start()
      const planted = plantedOf(app)
      const visitor = app.visitor(ownOf(app))
      await send(visitor, planted)
      const { browser } = cookieContent(visitor)
      for (const path of [`/set?values=${encodeURIComponent('{"division":7,"cart":["mine"]}')}`, '/']) {
        expect(await send(visitor, planted, path)).toMatchObject({ division: 7, cart: ['mine'] })
        expect(cookieContent(visitor).browser).toBe(browser)
      }
      expect(await values(app.visitor(planted))).toEqual(NOTHING)
    })

    it('does not affect changes in the same request', async () => {
      const app = await start()
      const planted = plantedOf(app)
      const visitor = app.visitor(ownOf(app))
      expect(await send(visitor, planted, '/set?values={"division":7}')).toMatchObject({ division: 7, cart: [] })
      expect(await send(visitor, planted)).toMatchObject({ division: 7, cart: [] })
      expect(await values(app.visitor(planted))).toEqual(NOTHING)
    })

    it('adds nothing to an account at sign-in', async () => {
      const app = await start()
      const planted = plantedOf(app)
      for (const path of ['/login/now?user=ann', '/']) {
        const visitor = app.visitor(ownOf(app))
        await visitor.fetch('/login/unused?user=bob')
        expect(await send(visitor, planted, path)).toEqual(NOTHING)
      }
      for (const id of ['ann', 'bob']) expect((await app.live.user(id)).get('cart')).toEqual([])
      expect(await values(app.visitor(planted))).toEqual(NOTHING)
    })

    it('yields no values beside the cookie of a signed-out user', async () => {
      const app = await start()
      const ann = await signedInAs(app)
      await set(ann, { division: 5 })
      expect(await send(app.visitor(liveOnly(ann.cookie)), plantedOf(app))).toEqual(NOTHING)
      expect(isRetired(app, browserSubject(PLANTED))).toBe(true)
    })

    it('connects its browser as a new guest without values', async () => {
      const app = await start()
      const cookie = tossed(ownOf(app), plantedOf(app))
      const socket = await app.visitor().connect('/', { cookie })
      const { claims } = await socket.ticket()
      expect([(await socket.greeted).hasCookie, claims.changes]).toEqual([undefined, []])
      const visitor = app.visitor()
      expect((await visitor.store({}, { cookie })).status).toBe(200)
      expect([OWN, PLANTED]).not.toContain(cookieContent(visitor).browser)
    })

    it('disconnects the sockets of the planted and the own id', async () => {
      const app = await start()
      const visitor = app.visitor(ownOf(app))
      const sockets = [await visitor.connect(), await app.visitor(plantedOf(app)).connect()]
      await send(visitor, plantedOf(app))
      for (const socket of sockets) await socket.closed
    })

    it('has no effect if it has the browser\u2019s own id', async () => {
      const app = await start()
      expect(await send(app.visitor(ownOf(app)), ownOf(app))).toMatchObject({ division: 5 })
      expect(isRetired(app, browserSubject(OWN))).toBe(false)
    })

    it('stays retired after a restart with a store', async () => {
      const options = { store: memoryStore() } as never
      const before = await start({ options })
      const planted = plantedOf(before)
      const visitor = before.visitor(ownOf(before))
      await send(visitor, planted, '/set?values={"division":7}')
      await before.stop()
      const app = await start({ options, clock: before.clock })
      expect(await send(app.visitor(visitor.cookie), planted)).toMatchObject({ division: 7 })
    })
  })

  describe('threat 17: a planted, retired cookie, ahead of the browser’s own', () => {
    it('does not hide the guest’s own values', async () => {
      const app = await start()
      const attacker = app.visitor()
      await attacker.store()
      const planted = attacker.cookie
      await attacker.fetch('/logout/leave')
      const guest = app.visitor()
      await guest.store()
      await set(guest, { division: 3 })
      const answer = await fetch(`${app.url}/`, { headers: { cookie: `${planted}; ${guest.cookie}` } })
      expect([await answer.json(), answer.headers.getSetCookie()]).toMatchObject([{ division: 3 }, []])
    })
  })
})

describe('partitioned', () => {
  const fields = defineFields({
    division: { schema: z.number().int(), default: -1, client: 'write', url: 'division' },
  })

  /** Sets a value or adds a message, and returns the value and the messages taken. */
  const routes: Koa.Middleware = async (ctx) => {
    if (ctx.path === '/set') await ctx.liveSession.set('division', Number(ctx.query['to']) as never)
    if (ctx.path === '/say') await ctx.liveSession.flash('said')
    ctx.body = { division: ctx.liveSession.get('division'), messages: await ctx.liveSession.takeFlash() }
  }

  // A proxy ends TLS.
  const before = (koa: Koa): readonly Koa.Middleware[] => {
    koa.proxy = true
    return []
  }

  const start = (options: object = {}) =>
    App.start<typeof fields>({
      fields,
      routes,
      before,
      attach: { handshake: [] },
      options: { secure: true, ...options },
    })

  const FRAME = { 'sec-fetch-dest': 'iframe', accept: 'text/html', 'x-forwarded-proto': 'https' }

  async function ask(visitor: Visitor, path: string, headers: Record<string, string> = FRAME, cookie?: string) {
    const response = await fetch(visitor.url + path, { headers: { ...headers, ...(cookie ? { cookie } : {}) } })
    const cookies = response.headers.getSetCookie()
    return { ...(await response.json()), cookies, cookie: cookies.map((one) => one.split(';')[0]).join('; ') }
  }

  describe('threat 79: partitioned cookies, switched on later', () => {
    it('have another name; the former cookie has no effect', async () => {
      const [former, app] = [await start(), await start({ partitioned: true })]
      const old = await ask(former.visitor(), '/set?to=3')
      expect(old.cookies[0]).toMatch(/^__Host-live=/)
      const visitor = app.visitor()
      expect(await ask(visitor, '/', FRAME, old.cookie)).toMatchObject({ division: -1 })
      const set = await ask(visitor, '/set?to=4', FRAME, old.cookie)
      expect(set.cookies[0]).toMatch(/^__Host-live-part=.*; samesite=none; secure; httponly; partitioned$/i)
      expect(await ask(visitor, '/', FRAME, `${old.cookie}; ${set.cookie}`)).toMatchObject({ division: 4 })
    })

    it.each(['mine', '__Host-mine'])('threat 97: have another name even for the chosen key %s', async (key) => {
      const former = await start({ key, sameSite: 'none' })
      const app = await start({ key, partitioned: true })
      const old = await ask(former.visitor(), '/set?to=3')
      const visitor = app.visitor()
      expect(await ask(visitor, '/', FRAME, old.cookie)).toMatchObject({ division: -1 })
      const followed = await ask(visitor, '/?division=5', FRAME, old.cookie)
      expect(followed.cookies[0]).toMatch(new RegExp(`^${key}-part=.*; partitioned$`, 'i'))
      const own = await ask(visitor, '/set?to=4', FRAME, `${old.cookie}; ${followed.cookie}`)
      expect(await ask(visitor, '/', FRAME, `${old.cookie}; ${own.cookie}`)).toMatchObject({ division: 4 })
      expect(await ask(former.visitor(), '/', FRAME, `${old.cookie}; ${own.cookie}`)).toMatchObject({ division: 3 })
    })

    it.each([
      [{ partitioned: true, secure: undefined }, 'partitioned: it needs secure: true, or browsers drop the cookie'],
      [{ partitioned: true, sameSite: 'lax' }, "sameSite: expected 'none' with partitioned: true"],
      [{ partitioned: 'yes' }, 'partitioned: expected a boolean'],
    ])('fail at start with options that browsers reject: %j', async (options, message) => {
      await expect(start(options)).rejects.toThrow(message)
    })
  })

  describe('threat 80: a frame of another site', () => {
    it('shows messages and follows its address with partitioned cookies only', async () => {
      const [framed, other] = [await start({ partitioned: true }), await start({ sameSite: 'none' })]
      const said = await Promise.all([framed, other].map((app) => ask(app.visitor(), '/say')))
      expect(said.map(({ messages }) => messages)).toEqual([['said'], []])
      const followed = await Promise.all([framed, other].map((app) => ask(app.visitor(), '/?division=5')))
      expect(followed.map(({ division }) => division)).toEqual([5, -1])
    })

    it.each(['image', 'script', 'embed', 'object'])('takes no message and no address as %s', async (destination) => {
      const app = await start({ partitioned: true })
      const headers = { ...FRAME, 'sec-fetch-dest': destination }
      expect(await ask(app.visitor(), '/?division=5', headers)).toMatchObject({ division: -1 })
      expect(await ask(app.visitor(), '/say', headers)).toMatchObject({ messages: [] })
    })
  })
})

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('threat 119: a copied live cookie of a user, without her session, %s', (_, optionsOf) => {
  const GUEST = { division: -1, cart: [], role: 'guest' }

  /** A user, her live cookie as it was before her last changes, and a page of hers. */
  async function copied() {
    const app = await startWithUsers({ store: new AuthStore(), options: optionsOf() as never })
    const ann = await signedInAs(app)
    await set(ann, { division: 1, theme: 'light', cart: ['a'] })
    const thief = app.visitor(liveOnly(ann.cookie))
    await set(ann, { division: 7, theme: 'dark', cart: ['a', 'b'] })
    return { app, ann, thief, socket: await ann.connect() }
  }

  it('shows and changes no value of the account', async () => {
    const { app, ann, thief } = await copied()
    const answers = await Promise.all([
      thief.store(),
      thief.store({ set: [['division', -1, '', 66]] }),
      thief.fetch('/set?values={"division":66}'),
    ])
    for (const answer of answers) expect(await answer.text()).not.toMatch(/"b"/)
    await expect(app.visitor(thief.cookie).connect()).resolves.toBeDefined()
    expect(await values(ann)).toMatchObject({ division: 7, cart: ['a', 'b'] })
  })

  it('counts as her browser after a sign-out: docs/security.md says what it can do', async () => {
    const { ann, thief, socket } = await copied()
    const closed = once(socket.io, 'disconnect')
    expect(await values(thief)).toEqual({ ...GUEST, theme: 'dark' })
    await closed
    expect(await values(ann)).toMatchObject({ division: 7, theme: 'light', cart: ['a', 'b'] })
    await ann.ask()
    const again = await ann.connect()
    await set(ann, { theme: 'dark' })
    await set(thief, { theme: 'light' })
    await values(thief)
    expect(await values(ann)).toMatchObject({ theme: 'dark' })
    expect(await again.change('division', 9)).toHaveProperty('stamp')
  })
})
