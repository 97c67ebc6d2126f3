import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { CookieJar } from 'tough-cookie'
import { browserSubject, subjectHash } from '../../server/subjects/subject.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { auth } from '../support/app/auth.js'
import { browserId } from '../support/app/browser-id.js'
import { present } from '../support/app/present.js'
import { readCookie, signedCookie } from '../support/app/signed-cookie.js'
import { readClaims } from '../support/app/socket.js'

const SECRET = 'the secret that all of these apps are signed with'
const DAY = 24 * 60 * 60 * 1000
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

const names = (answer: Response): string[] => answer.headers.getSetCookie().map((cookie) => cookie.split('=')[0] ?? '')

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
    for (const path of ['/', '/?set=3', '/?set=4']) expect(names(await visitor.fetch(path))).toEqual(['app', 'app.sig'])
    expect((await visitor.store({ set: [['division', -1, '', 5]] })).headers.getSetCookie()).toEqual([])
    expect(visitor.cookie).toContain(before)
  })
})

describe('threats 16 and 41: tossed cookies', () => {
  it.each([
    ['ahead of it', (own: string) => `live=evil; live.sig=evil; ${own}`],
    ['behind it', (own: string) => `${own}; live=evil; live.sig=evil`],
    ['between value and signature', (own: string) => own.replace('; ', '; live=evil; live.sig=evil; ')],
    ['with the signature ahead', (own: string) => `live.sig=evil; live=evil; ${own.split('; ').reverse().join('; ')}`],
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
