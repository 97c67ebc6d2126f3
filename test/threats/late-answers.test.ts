import { request } from 'node:http'
import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { subjectHash } from '../../server/subject.js'
import { type App, type AppFields, type AppOptions, App as TestApp } from '../support/app.js'
import { AuthStore, account, auth, identify, pages } from '../support/auth.js'
import { Gate } from '../support/gate.js'
import { cookieContent, set, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

const GUEST = 'a-guest-who-has-a-cookie'
const ANN = subjectHash('user:s:ann')

const liveOnly = (cookie: string): string => {
  const pairs = cookie.split('; ').filter((pair) => pair.startsWith('live'))
  return pairs.join('; ')
}
const written = (answer: Response): string[] => answer.headers.getSetCookie().filter((line) => line.startsWith('live'))

/** An app with a slow route, which sets a value before it waits, or after. */
async function start(given: Pick<AppOptions<AppFields>, 'attach'> = {}) {
  const gate = new Gate()
  const refused: unknown[] = []
  const app = await TestApp.start({
    ...given,
    before: (koa) => [auth(koa, { store: new AuthStore() })],
    options: { identify } as never,
    routes: async (ctx, next) => {
      if (ctx.path === '/again') await ctx.liveSession.identify()
      if (ctx.path === '/renew') {
        await ctx.liveSession.leave()
        ctx['session'].user = 'ann'
        await ctx.liveSession.identify()
      }
      if (ctx.path === '/embed') {
        ctx.body = ctx.liveSession.embed()
        return
      }
      if (!ctx.path.startsWith('/slow')) return pages(ctx, next)
      if (ctx.path === '/slow/read') ctx.liveSession.get('division')
      if (ctx.path === '/slow/set') await ctx.liveSession.set('theme', 'dark')
      if (ctx.path === '/slow/page') ctx.liveSession.snapshot()
      if (ctx.path === '/slow/identify') await ctx.liveSession.identify()
      await gate.pass()
      if (ctx.path === '/slow/late-read') ctx.liveSession.get('division')
      if (ctx.path === '/slow/late-page') ctx.liveSession.snapshot()
      if (ctx.path === '/slow/late-set')
        await ctx.liveSession.set('theme', 'dark').catch(({ code }) => void refused.push(code))
      ctx.body = ''
    },
  })
  return { app, gate, refused }
}

const SLOW = ['set', 'read', 'page', 'identify', 'late-set', 'late-read', 'late-page'].map((path) => `/slow/${path}`)
const ENDS: readonly (readonly [string, (app: App, ann: Visitor) => Promise<unknown>])[] = [
  ['leave()', (_, ann) => ann.fetch('/logout/leave')],
  ['identify()', (_, ann) => ann.fetch('/logout/now')],
  ['another sign-in', (_, ann) => ann.fetch('/login/now?user=bob')],
  ['revoke()', (app) => app.live.revoke('ann')],
  ['erase()', (app) => app.live.erase('ann')],
]
const cases = ENDS.flatMap(([how, end]) => SLOW.map((path) => [how, path, end] as const))

describe('threat 43: a late answer', () => {
  it.each(cases)(
    'writes no cookie of a user who had none when the request began, over %s: %s',
    async (_, path, end) => {
      const { app, gate } = await start()
      const ann = app.visitor()
      await ann.fetch('/login/unused?user=ann')
      expect(liveOnly(ann.cookie)).toBe('')
      const slow = ann.fetch(path)
      await gate.entered
      await end(app, ann)
      const { cookie } = ann
      gate.open()
      expect(written(await slow)).toEqual([])
      expect(ann.cookie).toBe(cookie)
    },
  )

  it.each(cases)('writes no cookie of the former visitor, nor of a new guest, over %s: %s', async (_, path, end) => {
    const { app, gate } = await start()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    const slow = ann.fetch(path)
    await gate.entered
    await end(app, ann)
    const { cookie } = ann
    gate.open()
    expect(written(await slow)).toEqual([])
    expect(ann.cookie).toBe(cookie)
  })

  it.each(SLOW)('writes no guest\u2019s cookie over the user\u2019s who has signed in meanwhile: %s', async (path) => {
    const { app, gate } = await start()
    const visitor = app.visitor(cookieFor(app.live, { browserId: GUEST }))
    const slow = visitor.fetch(path)
    await gate.entered
    await visitor.fetch('/login/now?user=ann')
    const { cookie } = visitor
    gate.open()
    expect(written(await slow)).toEqual([])
    expect(visitor.cookie).toBe(cookie)
  })

  it('does not lose in silence what a request sets whose browser has been given up meanwhile', async () => {
    const { app, gate, refused } = await start()
    const visitor = app.visitor(cookieFor(app.live, { browserId: GUEST }))
    const slow = visitor.fetch('/slow/late-set')
    await gate.entered
    await visitor.fetch('/login/now?user=ann')
    gate.open()
    await slow
    expect(refused).toEqual(['superseded'])
    expect(await values(visitor)).toMatchObject({ theme: 'light' })
  })

  it.each(['/login/unused?user=ann', '/login/now?user=ann'])(
    'is none that signs its user out, and in again: %s',
    async (path) => {
      const { app } = await start()
      const visitor = app.visitor()
      await visitor.fetch(path)
      const { browser } = cookieContent(visitor)
      expect(written(await visitor.fetch('/renew'))).toHaveLength(2)
      expect(cookieContent(visitor)).toMatchObject({ user: ANN })
      expect(cookieContent(visitor).browser).not.toBe(browser)
    },
  )
})

/** A browser whose cookie was given up, as its answer got lost, or as the request was held back. */
async function givenUp(app: App, first = '/login/now?user=ann', last = '/logout/leave') {
  const visitor = app.visitor()
  await visitor.fetch(first)
  await set(visitor, { theme: 'dark' })
  const old = liveOnly(visitor.cookie)
  await visitor.fetch(last)
  return { old, held: app.visitor(old), subject: subjectHash(`browser:${cookieContent(app.visitor(old)).browser}`) }
}

const KINDS = [
  ['of a guest who has signed in', '/', '/login/now?user=ann'],
  ['of a user who has signed out', '/login/now?user=ann', '/logout/now'],
  ['of a guest who has left', '/', '/logout/leave'],
] as const

describe.each(KINDS)('threat 43: a request with a cookie that was given up, %s', (_, first, last) => {
  it.each(['/', '/page', '/embed', '/again', '/nothing'])('gets none where it sets nothing: %s', async (path) => {
    const { app } = await start()
    const { held } = await givenUp(app, first, last)
    const { cookie } = held
    expect(written(await held.fetch(path))).toEqual([])
    expect(held.cookie).toBe(cookie)
  })

  it('gets none with a refusal, nor where it says whose page it is', async () => {
    const { app } = await start()
    const { held, subject } = await givenUp(app, first, last)
    const change = ['division', -1, 5]
    const bodies: readonly (readonly [number, unknown])[] = [
      [403, { subject }],
      [403, { subject, set: [change] }],
      [403, { subject: ANN, set: [change] }],
      [403, { tickets: ['garbage'] }],
      [400, { set: [['nope', -1, 1]] }],
      [403, { set: [['role', -1, 'admin']] }],
      [400, 'garbage'],
    ]
    for (const [status, body] of bodies) {
      const answer = await held.store(body)
      expect([body, answer.status, written(answer)]).toEqual([body, status, []])
    }
    const foreign = await held.store({}, { origin: 'http://evil.example' })
    expect([foreign.status, written(foreign)]).toEqual([403, []])
  })

  it.each([
    ['by the app', (held: Visitor) => held.fetch('/set?values={"division":5}')],
    ['by a POST', (held: Visitor) => held.store({ set: [['division', -1, 5]] })],
  ])('gets a new one where it sets a value %s', async (_how, change) => {
    const { app } = await start()
    const { held, old } = await givenUp(app, first, last)
    expect(written(await change(held))).toHaveLength(2)
    expect(cookieContent(held).browser).not.toBe(cookieContent(app.visitor(old)).browser)
    expect(await values(held)).toEqual({ division: 5, theme: 'light', cart: [], role: 'guest' })
  })

  it('gets a new one with a POST of {}', async () => {
    const { app } = await start()
    const { held, old } = await givenUp(app, first, last)
    expect(written(await held.store())).toHaveLength(2)
    expect(cookieContent(held).browser).not.toBe(cookieContent(app.visitor(old)).browser)
  })

  it('gets a new one as it signs in', async () => {
    const { app } = await start()
    const { held } = await givenUp(app, first, last)
    expect(written(await held.fetch('/login/now?user=bob'))).toHaveLength(2)
    expect(cookieContent(held)).toMatchObject({ user: subjectHash('user:s:bob') })
  })

  it('tells its page of no id, as the browser gets none', async () => {
    const { app } = await start()
    const { held } = await givenUp(app, first, last)
    const page = await (await held.fetch('/page')).json()
    expect(page).toMatchObject({ subject: '', values: { theme: 'light' } })
    expect(page).not.toHaveProperty('consent')
  })

  it('brings its page home all the same', async () => {
    const { app } = await start()
    const { held } = await givenUp(app, first, last)
    for (const hasSocket of [true, false]) {
      const page = await held.open({ path: '/page', hasSocket })
      await page.live.set('division', hasSocket ? 6 : 7)
    }
    expect(await values(held)).toMatchObject({ division: 7 })
  })
})

describe('threat 43: a POST that is held back', () => {
  /** A POST of a page of ann's, without a live cookie, of which all but the last byte has arrived. */
  async function held() {
    const reached = new Gate()
    const app = await TestApp.start({
      before: (koa) => [
        auth(koa, { store: new AuthStore() }),
        (ctx, next) => {
          if (ctx.method === 'POST') void reached.pass()
          return next()
        },
      ],
      options: { identify } as never,
      routes: account,
    })
    const ann = app.visitor()
    await ann.fetch('/login/unused?user=ann')
    const body = JSON.stringify({ subject: ANN, set: [['division', -1, 5]] })
    const headers = { 'content-type': 'application/json', 'content-length': body.length, cookie: ann.cookie }
    const req = request(`${app.url}/store_session`, { method: 'POST', headers })
    const cookies = new Promise((resolve) => req.once('response', (res) => resolve(res.headers['set-cookie'])))
    req.write(body.slice(0, -1))
    await reached.entered
    return { app, ann, cookies, finish: () => req.end(body.slice(-1)) }
  }

  it.each(ENDS)('by its own body, over %s, writes no cookie of the former user', async (_, end) => {
    const { app, ann, cookies, finish } = await held()
    await end(app, ann)
    finish()
    expect(await cookies).toBeUndefined()
  })

  it('and arrives after all brings the cookie where nothing has ended meanwhile', async () => {
    const { cookies, finish } = await held()
    finish()
    expect(await cookies).toHaveLength(2)
  })

  it('of a user, whose session is still good, replaces no cookie of who came after', async () => {
    const app = await TestApp.start({
      before: (koa) => [auth(koa)],
      options: { identify } as never,
      routes: account,
    })
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const held = app.visitor(visitor.cookie)
    await visitor.fetch('/logout/leave')
    for (const body of [{ subject: ANN }, { subject: ANN, set: [['division', -1, 5]] }]) {
      const answer = await held.store(body)
      expect([answer.status, written(answer)]).toEqual([403, []])
    }
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })

  it('and says whose page it is gives no id up that it brings no other for', async () => {
    const { app } = await start()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { theme: 'dark' })
    await ann.fetch('/logout/unused')
    const answer = await ann.store({ subject: ANN, set: [['division', -1, 5]] })
    expect([answer.status, written(answer)]).toEqual([403, []])
    expect((await answer.json()).error).toEqual({ code: 'other_subject', message: expect.any(String) })
    expect(await values(ann)).toMatchObject({ division: -1, theme: 'dark' })
  })
})
