/**
 * Loads all modules anew: V8 counts the steps of a loop only in code that is compiled meanwhile.
 *
 * @jest-environment node
 */
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { CookieJar } from 'tough-cookie'
import { SigningKeys } from '../../server/kernel/names/keys.js'
import { browserSubject, subjectHash } from '../../server/kernel/names/subject.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { auth } from '../support/app/auth.js'
import { browserId } from '../support/app/browser-id.js'
import { present } from '../support/app/present.js'
import { readCookie, signedCookie } from '../support/app/signed-cookie.js'
import { readClaims } from '../support/app/socket.js'
import { workOf } from '../support/app/work.js'

const SECRET = 'the secret that all of these apps are signed with'
const DAY = 24 * 60 * 60 * 1000
const BROWSER = browserId('b')
/** As long as a signature is. */
const FOREIGN = 'x'.repeat(43)

/** Counts its own visits in `ctx.session`, sets what the query says, and answers with what is there. */
const echo: Koa.Middleware = (ctx) => {
  const { session, liveSession, query } = ctx
  session.visits = (session.visits ?? 0) + 1
  if (query['set'] !== undefined) void liveSession.set('division', Number(query['set']))
  ctx.body = { visits: session.visits, division: liveSession.get('division') }
}

function start(options: AppOptions<AppFields>['options'] = {}): Promise<App> {
  return App.start({ keys: [SECRET], before: (koa) => [auth(koa)], routes: echo, ...(options ? { options } : {}) })
}

afterEach(() => {
  jest.restoreAllMocks()
})

const names = (answer: Response): string[] => answer.headers.getSetCookie().map((cookie) => cookie.split('=')[0] ?? '')

describe('threat 15: a live cookie that is not ours', () => {
  const register = ['division', Date.now(), 66]
  const payload = { v: 1, browser: BROWSER, epoch: 0, exp: Date.now() + DAY, r: [register] }
  const good = signedCookie(SECRET, payload)

  it('is compared with one that is, which is read', async () => {
    const app = await start()
    expect(await (await app.visitor(good).fetch('/')).json()).toEqual({ visits: 1, division: 66 })
  })

  describe.each([
    ['garbage', 'live=garbage; live.sig=garbage'],
    ['empty', 'live=; live.sig='],
    ['binary', 'live=\u00ff\u00fe; live.sig=\u00ff'],
    ['very long', `live=${'A'.repeat(7000)}; live.sig=${'A'.repeat(43)}`],
    ['without a signature', good.split('; ')[0] ?? ''],
    ['a signature alone', good.split('; ')[1] ?? ''],
    ['tampered with', good.replace('live=e', 'live=f')],
    ['truncated', good.replace(/..;/, ';')],
    ['of a truncated signature', good.slice(0, -1)],
    ['of a longer signature', `${good}A`],
    ['re-encoded with another padding', good.replace('; ', '=; ')],
    ['signed with another secret', signedCookie('x'.repeat(SECRET.length), payload)],
    ['signed as a ticket is', signedCookie(SECRET, payload, { purpose: 'ticket' })],
    ['signed under another name', signedCookie(SECRET, payload, { name: 'evil' }).replaceAll('evil', 'live')],
    ['of an old version', signedCookie(SECRET, { ...payload, v: 0 })],
    ['of no version', signedCookie(SECRET, { ...payload, v: undefined })],
    ['past its time', signedCookie(SECRET, { ...payload, exp: Date.now() - 1 })],
    ['signed, but no JSON', signedCookie(SECRET, 'garbage')],
    ['signed, but null', signedCookie(SECRET, 'null')],
    ['signed, with a key of the prototype', signedCookie(SECRET, { ...payload, r: [['__proto__', 1, 1]] })],
    ['signed, with a stamp that is none', signedCookie(SECRET, { ...payload, r: [['division', 'now', 1]] })],
  ])('%s', (_, cookie) => {
    it('is ignored, and replaced at the next write', async () => {
      const app = await start()
      const visitor = app.visitor(cookie)
      expect(visitor.cookie).toBe(cookie)
      const read = await visitor.fetch('/')
      expect([read.status, await read.json()]).toEqual([200, { visits: 1, division: -1 }])
      expect(names(read)).toEqual(['app', 'app.sig'])
      const written = await visitor.fetch('/?set=3')
      expect(await written.json()).toEqual({ visits: 2, division: 3 })
      expect(names(written)).toEqual(['app', 'app.sig', 'live', 'live.sig'])
      expect(await (await visitor.fetch('/')).json()).toEqual({ visits: 3, division: 3 })
      expect(app.errors).toEqual([])
    })

    it('opens a socket of a guest without a cookie, and the endpoint replaces it', async () => {
      const app = await start()
      const socket = await app.visitor().connect('/', { cookie })
      const { claims } = await socket.ticket()
      expect([(await socket.greeted).kept, claims.changes]).toEqual([undefined, []])
      const stored = await app.visitor().store({}, { cookie })
      const { greeting, ...answer } = await stored.json()
      expect([stored.status, answer]).toEqual([200, { who: expect.any(String), results: [], held: [] }])
      for (const ticket of greeting) expect(readClaims(ticket).changes).toEqual([])
      expect(names(stored)).toEqual(['live', 'live.sig'])
      expect(readCookie(stored.headers.getSetCookie()[0] ?? '')['browser']).not.toBe(BROWSER)
      expect(app.errors).toEqual([])
    })
  })

  it('leaves no trace in the app\u2019s own session, which came with it', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/')
    const answer = await app.visitor(`live=garbage; live.sig=garbage; ${visitor.cookie}`).fetch('/')
    expect(await answer.json()).toEqual({ visits: 2, division: -1 })
  })

  it('of a newer build is left for that build to find, whatever happens', async () => {
    const app = await start()
    const visitor = app.visitor(signedCookie(SECRET, { ...payload, v: 2, r: 'in a way that only it knows' }))
    const before = visitor.cookie
    for (const path of ['/', '/?set=3', '/?set=4']) expect(names(await visitor.fetch(path))).toEqual(['app', 'app.sig'])
    expect((await visitor.store({ set: [['division', -1, '', 5]] })).headers.getSetCookie()).toEqual([])
    expect(visitor.cookie).toContain(before)
  })
})

describe('threats 16 and 41: cookie tossing', () => {
  it.each([
    ['ahead of it', (own: string) => `live=evil; live.sig=evil; ${own}`],
    ['behind it', (own: string) => `${own}; live=evil; live.sig=evil`],
    ['around it', (own: string) => `live=1; live.sig=2; ${own}; live=3; live.sig=4`],
    ['between value and signature', (own: string) => own.replace('; ', '; live=evil; live.sig=evil; ')],
    ['with the signature ahead', (own: string) => `live.sig=evil; live=evil; ${own.split('; ').reverse().join('; ')}`],
    ['without spaces', (own: string) => `live=evil;live.sig=evil;${own.replace('; ', ';')}`],
    ['empty', (own: string) => `live=; live.sig=; ${own}`],
    ['under names that end alike', (own: string) => `xlive=evil; xlive.sig=evil; ${own}`],
    ['ten times', (own: string) => `${'live=evil; live.sig=evil; '.repeat(10)}${own}`],
    ['that is a signature alone, ahead of it', (own: string) => `live.sig=${FOREIGN}; ${own}`],
    ['that is a signature alone, behind it', (own: string) => `${own}; live.sig=${FOREIGN}`],
    ['that is a signature alone, between', (own: string) => own.replace('; ', `; live.sig=${FOREIGN}; `)],
    ['that is an empty signature alone', (own: string) => `live.sig=; ${own}`],
    ['that is a signature without a space', (own: string) => `live.sig=${FOREIGN};${own}`],
  ])('does not hide the cookie that verifies: garbage %s', async (_, toss) => {
    const app = await start()
    const own = cookieFor(app.live, { browserId: BROWSER, values: { division: 5 } })
    const read = await app.visitor().fetch('/', { headers: { cookie: toss(own) } })
    expect(await read.json()).toMatchObject({ division: 5 })
    expect(names(read)).toEqual(['app', 'app.sig'])
    const written = await app.visitor().fetch('/?set=6', { headers: { cookie: toss(own) } })
    const cookies = written.headers.getSetCookie().filter((cookie) => cookie.startsWith('live'))
    expect(readCookie(cookies[0] ?? '')).toMatchObject({ browser: BROWSER, r: [['division', expect.anything(), 6]] })
    // The cookies module answers a first cookie that does not verify by expiring its signature.
    expect(cookies.filter((cookie) => /\.sig=;|1970/.test(cookie))).toEqual([])
    const socket = await app.visitor().connect('/', { cookie: toss(own) })
    expect((await socket.ticket()).claims).toMatchObject({ sub: subjectHash(browserSubject(BROWSER)) })
    expect(await socket.greeted).toMatchObject({ kept: true })
    expect((await (await app.visitor().store({}, { cookie: toss(own) })).json()).held).toHaveLength(1)
  })

  it('cannot use a browser\u2019s own cookie under another name', async () => {
    const app = await start()
    const own = cookieFor(app.live, { values: { division: 5 } })
    for (const cookie of [own.replaceAll('live', 'evil'), own.replaceAll('live', 'Live')]) {
      expect(await (await app.visitor(cookie).fetch('/')).json()).toMatchObject({ division: -1 })
    }
  })

  it.each([
    ['a longer name', (own: string) => own.replaceAll('live', 'evil-live')],
    ['a name of two words', (own: string) => own.replaceAll('live', 'evil live')],
    ['the value of another cookie', (own: string) => own.replaceAll('live', 'evil=live')],
  ])('is not taken in by a good cookie within %s, which no prefix protects', async (_, toss) => {
    const app = await start()
    const tossed = toss(cookieFor(app.live, { values: { division: 66 } }))
    expect(await (await app.visitor().fetch('/', { headers: { cookie: tossed } })).json()).toMatchObject({
      division: -1,
    })
  })

  it('costs one signature for each tossed text, and few steps', async () => {
    const app = await start()
    const find = jest.spyOn(SigningKeys.prototype, 'find')
    const texts = Array.from({ length: 90 }, (_, index) => `live=${`${index}`.padEnd(80, 'a')}; `).join('')
    const signatures = Array.from({ length: 130 }, (_, index) => `live.sig=${`${index}`.padEnd(43, 'b')}; `).join('')
    const cookie = `${texts}${signatures}end=1`
    const get = () => fetch(app.url, { headers: { cookie } })
    expect((await get()).status).toBe(200)
    expect(find).toHaveBeenCalledTimes(90)
    // Comparing each text with each signature takes 11,700.
    expect((await workOf(get)).steps).toBeLessThan(8000)
  })

  describe('where secure', () => {
    it('finds a name that browsers take from this very host alone', async () => {
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

    it('is not taken in by a cookie of the name without the prefix, though it was signed for that name', async () => {
      const app = await start({ secure: true })
      const payload = { v: 1, browser: BROWSER, epoch: 0, exp: Date.now() + DAY, r: [['division', Date.now(), 66]] }
      const plain = signedCookie(SECRET, payload)
      for (const cookie of [plain, plain.replaceAll('live', '__Host-live')]) {
        expect(await (await app.visitor(cookie).fetch('/')).json()).toMatchObject({ division: -1 })
      }
    })
  })
})
