import { Readable } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { AuthStore, account, auth, identify } from '../support/app/auth.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { appOnly, liveOnly, written } from '../support/app/departures.js'
import { ENDS } from '../support/app/ends.js'
import { Gate } from '../support/app/gate.js'
import { pairs } from '../support/app/pairs.js'
import { set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { HeldPost } from './held-request.js'

describe('late answers', () => {
  const ANN = subjectHash(userSubject('ann'))

  /** An app with slow routes, which use the session before or after their wait. */
  async function start() {
    const gate = new Gate()
    const app = await App.start({
      before: (koa) => [auth(koa, { store: new AuthStore() })],
      options: { identify } as never,
      routes: async (ctx, next) => {
        if (ctx.path === '/renew') {
          await ctx.liveSession.leave()
          ctx['session'].user = 'ann'
          await ctx.liveSession.identify()
        }
        if (!ctx.path.startsWith('/slow')) return account(ctx, next)
        if (ctx.path === '/slow/read') ctx.liveSession.get('division')
        if (ctx.path === '/slow/set') await ctx.liveSession.set('theme', 'dark')
        if (ctx.path === '/slow/page') ctx.liveSession.snapshot()
        if (ctx.path === '/slow/identify') await ctx.liveSession.identify()
        await gate.pass()
        if (ctx.path === '/slow/late-read') ctx.liveSession.get('division')
        if (ctx.path === '/slow/late-page') ctx.liveSession.snapshot()
        if (ctx.path === '/slow/late-set') await ctx.liveSession.set('theme', 'dark').catch(() => undefined)
        ctx.body = ''
      },
    })
    return { app, gate }
  }

  const SLOW = ['set', 'read', 'page', 'identify', 'late-set', 'late-read', 'late-page'].map((path) => `/slow/${path}`)

  /** All endings but the next request, which without a live cookie cannot know the former visitor. */
  const ANNOUNCED = ENDS.filter(([how]) => how !== 'the next request after a sign-out')

  /** Paths signing ann in, with and without a live cookie. */
  const WHO = ['/login/now?user=ann', '/login/unused?user=ann']
  const signIn = ['a sign-in', (_: App, guest: Visitor) => guest.fetch('/login/now?user=ann')] as const

  const cases = [
    ...pairs(ANNOUNCED, SLOW, WHO),
    ...SLOW.map((path) => [signIn, path, '/set?values={"division":3}'] as const),
  ].map(([[how, end], path, first]) => ({ how, end, path, first }))

  describe('threat 43: a late response', () => {
    it.each(cases)('writes no cookie after $how: $path, first request $first', async ({ end, path, first }) => {
      const { app, gate } = await start()
      const visitor = app.visitor()
      await visitor.fetch(first)
      expect(liveOnly(visitor.cookie) === '').toBe(first === '/login/unused?user=ann')
      const slow = visitor.fetch(path)
      await gate.entered
      await end(app, visitor)
      const { cookie } = visitor
      gate.open()
      expect(written(await slow)).toEqual([])
      expect(visitor.cookie).toBe(cookie)
    })

    it.each(['/login/unused?user=ann', '/login/now?user=ann'])(
      'writes the cookie if its own request renews the sign-in: %s',
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

  describe('threat 43: a delayed POST', () => {
    /** Sends a POST of ann's, who has no live cookie, but holds back the last byte. */
    async function held() {
      const reached = new Gate()
      const app = await App.start({
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
      const post = new HeldPost(app.url, '/store_session', ann.cookie, { set: [['division', -1, '', 5]] })
      await reached.entered
      return { app, ann, finish: async () => (await post.finish()).written }
    }

    it.each(ANNOUNCED)('writes no cookie of the former user after %s', async (_, end) => {
      const { app, ann, finish } = await held()
      await end(app, ann)
      expect(await finish()).toEqual([])
    })

    it('does not replace a retired cookie, even with valid tickets', async () => {
      const app = await startWithUsers()
      const ann = await signedInAs(app)
      const late = app.visitor(ann.cookie)
      const { text } = await (await ann.connect()).ticket()
      await ann.fetch('/logout/leave')
      const answer = await late.store({ tickets: [text] })
      expect([answer.status, written(answer)]).toEqual([200, []])
    })

    it('writes the cookie if the visitor stays', async () => {
      const { finish } = await held()
      expect(await finish()).toHaveLength(2)
    })
  })

  type Use = (session: Koa.Context['liveSession']) => unknown

  const READS: readonly (readonly [string, Use])[] = [
    ['get', (session) => session.get('division')],
    ['has', (session) => session.has('division')],
    ['inspect', (session) => session.inspect()],
    ['snapshot', (session) => session.snapshot()],
    ['embed', (session) => session.embed()],
    ['visitorId', (session) => session.visitorId],
  ]

  const USES: readonly (readonly [string, Use])[] = [
    ['set', (session) => session.set('division', 1)],
    ['delete', (session) => session.delete('division')],
    ['update', (session) => session.update('division', () => 1)],
    ['flash', (session) => session.flash('late')],
    ['takeFlash', (session) => session.takeFlash()],
    ['identify', (session) => session.identify()],
    ['leave', (session) => session.leave()],
  ]

  /** Uses the session in a stream after its first bytes have gone out. */
  async function streamed(use: Use, before: Use = () => undefined) {
    const app = await App.start({
      routes: async (ctx) => {
        await before(ctx.liveSession)
        ctx.set('Cache-Control', 'public, max-age=600')
        ctx.body = Readable.from(
          (async function* () {
            yield 'begun;'
            while (!ctx.headerSent) await new Promise(setImmediate)
            try {
              yield `used:${JSON.stringify(await use(ctx.liveSession))}`
            } catch (error) {
              yield `refused:${error}`
            }
          })(),
        )
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 7 } }))
    const response = await visitor.fetch('/')
    const { warnings } = app
    return { text: await response.text(), cacheControl: response.headers.get('cache-control'), warnings }
  }

  describe('threat 61: first use in a stream after the headers', () => {
    it.each(USES)('fails with the remedy: %s', async (_, use) => {
      const { text, cacheControl } = await streamed(use)
      expect(text).toContain('begun;refused:TypeError: koa-live-session:')
      expect(text).toContain('after the headers had gone out: a cache may show this visitor')
      expect(text).toContain('Before you set ctx.body to a stream')
      expect(text).not.toContain('7')
      expect(cacheControl).toBe('public, max-age=600')
    })

    it.each(READS)('warns with the remedy, because an error could end the process: %s', async (_, use) => {
      const { text, warnings } = await streamed(use)
      expect(text).toContain('begun;used:')
      expect(warnings.filter((warning) => warning.includes('a cache may show it'))).toHaveLength(1)
    })

    it('rejects the promise of an async method, instead of throwing', async () => {
      const { text } = await streamed((session) => {
        const promises = [
          session.set('division', 1),
          session.setMany({ division: 1 }),
          session.update('division', () => 1),
          session.delete('division'),
          session.identify(),
          session.leave(),
        ]
        return Promise.allSettled(promises).then((settled) => settled.map(({ status }) => status))
      })
      expect(text).toContain(JSON.stringify(Array(6).fill('rejected')))
    })

    it('works after an earlier use, in a private response', async () => {
      const { text, cacheControl } = await streamed(
        (session) => session.get('division'),
        (session) => session.get('theme'),
      )
      expect([text, cacheControl]).toEqual(['begun;used:7', 'private, max-age=600'])
    })

    it('rejects takeFlash() even after an earlier use', async () => {
      const { text } = await streamed(
        (session) => session.takeFlash(),
        (session) => session.flash('saved'),
      )
      expect(text).toContain(
        'refused:TypeError: koa-live-session: takeFlash was called after the headers had gone out: the back button may',
      )
    })
  })
})

describe('replayed cookies', () => {
  const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }
  const THEIRS = { division: 8, theme: 'dark', cart: ['b'] }

  /** Gives a guest a cookie. */
  const GUEST = '/set?values={"theme":"dark"}'
  const start = (): Promise<App> => startWithUsers({ store: new AuthStore() })

  describe('threat 40: a cookie of a user, replayed after sign-out', () => {
    it('leaves the user\u2019s sockets in other browsers open', async () => {
      const app = await start()
      const browser = await signedInAs(app)
      const old = liveOnly(browser.cookie)
      await browser.fetch('/logout/now')
      const ann = app.visitor()
      await ann.fetch('/login/unused?user=ann')
      const socket = await ann.connect()
      await socket.ticket()
      const bob = app.visitor(old)
      await bob.fetch('/login?user=bob')
      for (const replay of [app.visitor(old), bob]) {
        await values(replay)
        await replay.store()
      }
      expect(await socket.change('division', 9)).toHaveProperty('stamp')
    })
  })

  describe('threat 40: a guest\u2019s cookie, replayed after a sign-in and sign-out', () => {
    it('gives the user a new random browser id', async () => {
      const app = await start()
      const browser = app.visitor(cookieFor(app.live, { values: { division: 1 } }))
      const old = liveOnly(browser.cookie)
      await browser.fetch('/login/now?user=ann')
      await set(browser, { theme: 'dark' })
      const given = cookieContent(browser).browser
      await browser.fetch('/logout/now')
      const session = app.visitor()
      await session.fetch('/login/unused?user=ann')
      const late = app.visitor(`${old}; ${session.cookie}`)
      expect(await values(late)).toMatchObject({ theme: 'light' })
      await late.store()
      expect(cookieContent(late).browser).not.toBe(given)
      expect(cookieContent(late).browser).not.toBe(cookieContent(browser).browser)
    })
  })

  describe('threat 56: a request with a retired cookie', () => {
    const leave = async (first: string, last: string) => {
      const app = await start()
      const browser = app.visitor()
      await browser.fetch(first)
      const old = liveOnly(browser.cookie)
      await browser.fetch(last)
      return { app, browser, old }
    }

    it('writes to the account that identify still names', async () => {
      const { app, old } = await leave('/login/now?user=ann', '/logout/now')
      const session = app.visitor()
      await session.fetch('/login/unused?user=ann')
      const ann = app.visitor(`${old}; ${session.cookie}`)
      const answer = await ann.fetch('/set?values={"division":5,"theme":"dark"}')
      expect([answer.status, written(answer)]).toEqual([200, []])
      expect(await values(ann)).toMatchObject({ division: 5, theme: 'dark' })
      // A page asks this when its socket is refused.
      expect(written(await ann.ask())).toHaveLength(2)
      expect(await values(ann)).toMatchObject({ division: 5, theme: 'dark' })
    })

    it('acts as the user who signed in with that cookie', async () => {
      const { app, browser, old } = await leave(GUEST, '/login/now?user=ann')
      const session = appOnly(browser.cookie)
      const late = app.visitor([old, ...session].join('; '))
      await set(late, { division: 5, theme: 'light' })
      expect(cookieContent(late).browser).toBe(cookieContent(browser).browser)
      expect(await values(browser)).toMatchObject({ division: 5, theme: 'light' })
    })

    it.each([
      [GUEST, '/logout/forget'],
      ['/login/now?user=ann', '/logout/leave'],
    ])('gets a new cookie if it brings the cookie live.retired: %s', async (first, last) => {
      const { app, old } = await leave(first, last)
      const visitor = app.visitor(old)
      expect((await visitor.fetch('/set?values={"division":5}')).status).toBe(409)
      expect(liveOnly(visitor.cookie)).toBe(old)
      const [late, later] = [app.visitor(visitor.cookie), app.visitor(visitor.cookie)]
      expect(await set(visitor, { division: 5 })).toMatchObject({ ...NOTHING, division: 5 })
      expect(cookieContent(visitor).browser).not.toBe(cookieContent(app.visitor(old)).browser)
      expect(visitor.cookie).toBe(liveOnly(visitor.cookie))
      // Concurrent requests and copies of the cookie come too late.
      expect((await late.fetch('/set?values={"division":66}')).status).toBe(409)
      expect([written(await later.fetch('/')), written(await app.visitor(old).store())]).toEqual([[], []])
      expect(await values(visitor)).toMatchObject({ division: 5 })
    })

    it('fails again after another visitor used the browser', async () => {
      const { app, old } = await leave('/login/now?user=ann', '/logout/leave')
      const browser = app.visitor(old)
      await browser.fetch('/')
      const sent = browser.cookie
      await browser.fetch('/login/now?user=bob')
      await set(browser, THEIRS)
      const late = () => app.visitor(sent)
      const answers = [await late().store(), await late().fetch('/set?values={"division":66}')]
      expect(answers.map((answer) => [answer.status, written(answer)])).toEqual([
        [202, []],
        [409, []],
      ])
      const { cookie } = browser
      expect(await values(browser)).toMatchObject(THEIRS)
      expect(browser.cookie).toBe(cookie)
    })

    it('gets only live.retired, an HttpOnly session cookie', async () => {
      const { app, old } = await leave(GUEST, '/logout/forget')
      const answer = await app.visitor(old).fetch('/')
      expect(answer.headers.getSetCookie()).toEqual([
        expect.stringMatching(/^live\.retired=\d{13}\.[\w-]{22}\.[\w-]{43}; path=\/; samesite=lax; httponly$/),
      ])
      expect(answer.headers.get('cache-control')).toMatch(/no-store|private/)
      const { browser } = cookieContent(app.visitor(old))
      const odd = ['', 'x', '-1', '1e99', '9'.repeat(17)].map((end) => `${end}.${browser}`)
      // A late response may have noted the end of an earlier cookie.
      const others = [`${'9'.repeat(13)}.${'x'.repeat(22)}`, '9'.repeat(13), `${'9'.repeat(13)}.`]
      for (const value of [...odd, ...others]) {
        const late = app.visitor(`${old}; live.retired=${value}`)
        expect(written(await late.fetch('/'))).toEqual([])
      }
    })

    it('threat 125: is late with a live.retired that the server has not signed', async () => {
      const { app, browser, old } = await leave(GUEST, '/login/now?user=ann')
      const visitor = app.visitor(old)
      await visitor.fetch('/')
      const [time, id, signature] = /live\.retired=([^;]*)/.exec(visitor.cookie)?.[1]?.split('.') ?? []
      const { cookie } = browser
      for (const forged of [`${time}.${id}`, `${'9'.repeat(13)}.${id}`, `${Number(time) + 1}.${id}.${signature}`]) {
        const late = (): Visitor => app.visitor(`${old}; live.retired=${forged}`)
        expect(written(await late().fetch('/'))).toEqual([])
        expect((await late().fetch('/set?values={"division":66}')).status).toBe(409)
        expect(written(await late().store())).toEqual([])
      }
      expect(browser.cookie).toBe(cookie)
      expect(await values(browser)).not.toMatchObject({ division: 66 })
    })
  })
})
