import { Readable } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/kernel/names/subject.js'
import { App } from '../support/app/app.js'
import { AuthStore, account, auth, identify } from '../support/app/auth.js'
import { liveOnly, written } from '../support/app/departures.js'
import { ENDS } from '../support/app/ends.js'
import { Gate } from '../support/app/gate.js'
import { pairs } from '../support/app/pairs.js'
import { cookieContent, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { HeldPost } from './held-request.js'

const GUEST = 'a-guest-who-has-a-cookie'

const ANN = subjectHash(userSubject('ann'))

/** An app with a slow route, which sets a value before it waits, or after. */
async function start() {
  const gate = new Gate()
  const refused: unknown[] = []
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
      if (ctx.path === '/slow/late-set')
        await ctx.liveSession.set('theme', 'dark').catch(({ code }) => void refused.push(code))
      ctx.body = ''
    },
  })
  return { app, gate, refused }
}

const SLOW = ['set', 'read', 'page', 'identify', 'late-set', 'late-read', 'late-page'].map((path) => `/slow/${path}`)

/** Of a browser without a live cookie, the next request cannot know whose it was. */
const TOLD = ENDS.filter(([how]) => how !== 'the next request after a sign-out')

/** Who is about to leave the browser: who has a live cookie, or has none yet. */
const WHO = ['/login/now?user=ann', '/login/unused?user=ann']

const signIn = ['a sign-in', (_: App, guest: Visitor) => guest.fetch('/login/now?user=ann')] as const

const cases = [
  ...pairs(TOLD, SLOW, WHO),
  ...SLOW.map((path) => [signIn, path, '/set?values={"division":3}'] as const),
].map(([[how, end], path, first]) => ({ how, end, path, first }))

describe('threat 43: a late answer', () => {
  it.each(cases)('writes no cookie after $how: $path, begun after $first', async ({ end, path, first }) => {
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

  it.each(TOLD)('writes none where the app is slow to say who it is, over %s', async (_, end) => {
    const gate = new Gate()
    const app = await App.start({
      before: (koa) => [auth(koa, { store: new AuthStore() })],
      options: {
        identify: async (ctx: Koa.Context) => {
          const user: string | undefined = ctx['session']?.user
          if (ctx.path === '/set') await gate.pass()
          return user
        },
      } as never,
      routes: account,
    })
    const ann = app.visitor()
    await ann.fetch('/login/unused?user=ann')
    const slow = ann.fetch('/set?values={"division":5}')
    await gate.entered
    await end(app, ann)
    const { cookie } = ann
    gate.open()
    expect(written(await slow)).toEqual([])
    expect(ann.cookie).toBe(cookie)
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

describe('threat 43: a POST that is held back', () => {
  /** A POST of ann's, without a live cookie, of which all but the last byte has arrived. */
  async function held(page = {}) {
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
    const post = new HeldPost(app.url, '/store_session', ann.cookie, { ...page, set: [['division', -1, '', 5]] })
    await reached.entered
    return { app, ann, finish: async () => (await post.finish()).written }
  }

  it.each(TOLD)('by its own body, over %s, writes no cookie of the former user', async (_, end) => {
    const { app, ann, finish } = await held()
    await end(app, ann)
    expect(await finish()).toEqual([])
  })

  it('and arrives after all brings the cookie where nothing has ended meanwhile', async () => {
    const { finish } = await held()
    expect(await finish()).toHaveLength(2)
  })

  it('brings none where it says whose page it is', async () => {
    const { finish } = await held({ who: 'of another' })
    expect(await finish()).toEqual([])
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

/** What a use of the session comes to in a stream whose first bytes are out. */
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

describe('threat 61: the session in a stream, first used after the headers have gone out', () => {
  it.each(USES)('is refused, and says what to do: %s', async (_, use) => {
    const { text, cacheControl } = await streamed(use)
    expect(text).toContain('begun;refused:TypeError: koa-live-session:')
    expect(text).toContain('after the headers had gone out: a cache may show this visitor')
    expect(text).toContain('before you set ctx.body to a stream')
    expect(text).not.toContain('7')
    expect(cacheControl).toBe('public, max-age=600')
  })

  it.each(['set', 'update', 'delete', 'setMany', 'identify', 'leave'] as const)(
    'rejects, and throws nothing at once, where it is a promise that is asked for: %s',
    async (name) => {
      const { text } = await streamed((session) => {
        const uses = {
          set: () => session.set('division', 1),
          setMany: () => session.setMany({ division: 1 }),
          update: () => session.update('division', () => 1),
          delete: () => session.delete('division'),
          identify: () => session.identify(),
          leave: () => session.leave(),
        }
        return uses[name]().then(
          () => 'done',
          (error: unknown) => `rejected: ${error}`,
        )
      })
      expect(text).toContain('used:"rejected: TypeError: koa-live-session:')
    },
  )

  it('goes on where it was used before, in an answer that no cache between keeps', async () => {
    const { text, cacheControl } = await streamed(
      (session) => session.get('division'),
      (session) => session.get('theme'),
    )
    expect([text, cacheControl]).toEqual(['begun;used:7', 'private, max-age=600'])
  })

  it('shows no message that a cache would show again: takeFlash, where other parts of it were used before', async () => {
    const { text } = await streamed(
      (session) => session.takeFlash(),
      (session) => session.flash('saved'),
    )
    expect(text).toContain(
      'refused:TypeError: koa-live-session: takeFlash was called after the headers had gone out: the back button may',
    )
  })
})
