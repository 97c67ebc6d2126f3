import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/kernel/names/subject.js'
import { App } from '../support/app.js'
import { AuthStore, account, auth, identify } from '../support/auth.js'
import { ENDS, liveOnly, written } from '../support/departures.js'
import { Gate } from '../support/gate.js'
import { cookieContent, values } from '../support/users.js'

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

  it.each(ENDS)('writes none where the app is slow to say who it is, over %s', async (_, end) => {
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
