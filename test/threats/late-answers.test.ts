import { Readable } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { AuthStore, account, auth, identify } from '../support/app/auth.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { liveOnly, written } from '../support/app/departures.js'
import { ENDS } from '../support/app/ends.js'
import { Gate } from '../support/app/gate.js'
import { pairs } from '../support/app/pairs.js'
import { signedInAs, startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { HeldPost } from './held-request.js'

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

const USES: readonly (readonly [string, Use])[] = [
  ['get', (session) => session.get('division')],
  ['has', (session) => session.has('division')],
  ['inspect', (session) => session.inspect()],
  ['snapshot', (session) => session.snapshot()],
  ['embed', (session) => session.embed()],
  ['visitorId', (session) => session.visitorId],
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
  return { text: await response.text(), cacheControl: response.headers.get('cache-control') }
}

describe('threat 61: first use in a stream after the headers', () => {
  it.each(USES)('fails with the remedy: %s', async (_, use) => {
    const { text, cacheControl } = await streamed(use)
    expect(text).toContain('begun;refused:TypeError: koa-live-session:')
    expect(text).toContain('after the headers had gone out: a cache may show this visitor')
    expect(text).toContain('before you set ctx.body to a stream')
    expect(text).not.toContain('7')
    expect(cacheControl).toBe('public, max-age=600')
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
