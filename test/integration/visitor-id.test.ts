import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { account } from '../support/app/auth.js'
import { nameOf, startWithUsers } from '../support/app/users.js'

/** Responds with the visitor's id before and after the path's action. */
const ids: Koa.Middleware = async (ctx, next) => {
  const before = ctx.liveSession.visitorId ?? null
  if (ctx.path === '/set') await ctx.liveSession.set('division', 3)
  else if (ctx.path !== '/') await account(ctx, next)
  ctx.body = [before, ctx.liveSession.visitorId ?? null]
}

async function idsOf(answer: Promise<Response>): Promise<readonly (string | null)[]> {
  return (await answer).json() as Promise<readonly (string | null)[]>
}

async function idOfSocket(app: App, cookie?: string): Promise<string | undefined> {
  const found: (string | undefined)[] = []
  app.io.on('connection', (socket) => found.push(socket.liveSession.visitorId))
  await app.visitor(cookie).connect()
  return found.at(-1)
}

describe('visitorId', () => {
  it('is undefined without a cookie, and sets no cookie', async () => {
    const app = await App.start({ routes: ids })
    const answer = await app.visitor().fetch('/')
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(await answer.json()).toEqual([null, null])
    expect(await idOfSocket(app)).toBeUndefined()
  })

  it('exists from the first change until leave()', async () => {
    const app = await startWithUsers({ routes: ids })
    const visitor = app.visitor()
    const [before, after] = await idsOf(visitor.fetch('/set'))
    expect([before, after]).toEqual([null, nameOf(visitor)])
    expect(await idsOf(visitor.fetch('/'))).toEqual([after, after])
    const { cookie } = visitor
    expect(await idsOf(visitor.fetch('/leave'))).toEqual([after, null])
    emptyCache(app.live)
    for (const each of [visitor, app.visitor(cookie)]) expect(await idsOf(each.fetch('/'))).toEqual([null, null])
  })

  it("is equal in a guest's requests and sockets, and after key rotation", async () => {
    const app = await App.start({ routes: ids })
    const visitor = app.visitor()
    const [, id] = await idsOf(visitor.fetch('/set'))
    expect(await idOfSocket(app, visitor.cookie)).toBe(id)
    const keys = ['another secret of thirty-two bytes or more', 'a secret of at least thirty-two bytes']
    const later = await App.start({ routes: ids, keys })
    expect(await idsOf(later.visitor(visitor.cookie).fetch('/'))).toEqual([id, id])
    expect(await idOfSocket(later, visitor.cookie)).toBe(id)
  })

  it('is equal for a user everywhere, and differs by id type', async () => {
    const app = await App.start({
      routes: ids,
      options: { identify: (ctx) => (ctx.get('is-number') ? Number(ctx.get('user')) : ctx.get('user')) },
    })
    const ask = async (user: string, more = {}): Promise<unknown> =>
      (await idsOf(app.visitor().fetch('/', { headers: { user, ...more } })))[1]
    const ann = await ask('ann')
    expect(ann).toBe('LgV39OieD_s4c4n-mpQdDAIxscN1AeTsbGjXGs4HL6s')
    expect(await ask('ann')).toBe(ann)
    const one = await ask('1', { 'is-number': 'yes' })
    expect(one).toBe('96AHKoDb8thYMGUNQyy0NxL21y3TwDPGyqHKjEBS-mc')
    expect(await ask('1')).not.toBe(one)
    const found: unknown[] = []
    app.io.on('connection', (socket) => found.push(socket.liveSession.visitorId))
    for (const cookie of [undefined, cookieFor(app.live, { userId: 'ann' })])
      await app.visitor(cookie).connect('/', { user: 'ann' })
    expect(found).toEqual([ann, ann])
  })

  it('changes at sign-in and sign-out', async () => {
    const app = await startWithUsers({ routes: ids })
    const visitor = app.visitor()
    const [, guest] = await idsOf(visitor.fetch('/set'))
    const [before, ann] = await idsOf(visitor.fetch('/login/now?user=ann'))
    expect(before).toBe(guest)
    expect(ann).toBe('LgV39OieD_s4c4n-mpQdDAIxscN1AeTsbGjXGs4HL6s')
    const [still, next] = await idsOf(visitor.fetch('/logout/leave'))
    expect(still).toBe(ann)
    expect([guest, ann]).not.toContain(next)
    expect(next).toBe(nameOf(visitor))
  })

  it('without consent exists for users only', async () => {
    let isAgreed = true
    const app = await startWithUsers({ routes: ids, options: { consent: () => isAgreed } })
    const visitor = app.visitor()
    await visitor.fetch('/set')
    isAgreed = false
    expect(await idsOf(visitor.fetch('/'))).toEqual([null, null])
    expect(await idOfSocket(app, visitor.cookie)).toBeUndefined()
    expect((await idsOf(visitor.fetch('/login/now?user=ann')))[1]).toBe('LgV39OieD_s4c4n-mpQdDAIxscN1AeTsbGjXGs4HL6s')
  })
})
