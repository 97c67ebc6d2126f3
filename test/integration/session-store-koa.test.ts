import { describe, expect, it } from '@jest/globals'
import type { SessionStore } from 'koa-live-session'
import session from 'koa-session'
import { App } from '../support/app/app.js'
import { begin, SessionApp, sessionId } from '../support/app/sessions.js'
import { turn } from '../support/app/within.js'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
/** koa-session's stores keep a session this much longer than its cookie. */
const GRACE = 10_000

function setCookie(response: Response): readonly string[] {
  return response.headers.getSetCookie().filter((line) => line.startsWith('app='))
}

describe('koa-session with live.sessionStore()', () => {
  it('persists values; the cookie carries only the id', async () => {
    const { sessions, visitor } = await begin({ user: 'ann', cart: ['a'] })
    const found = await sessions.ask(visitor, ({ session }) => [session.toJSON(), session.isNew, session.externalKey])
    expect(found).toEqual([{ user: 'ann', cart: ['a'] }, false, sessionId(visitor)])
    expect(sessionId(visitor)).toMatch(/^[\da-f-]{36}$/)
  })

  it('returns a mutable deep copy', async () => {
    const { sessions, visitor } = await begin({ cart: [{ count: 1 }] })
    await sessions.ask(visitor, ({ session }) => {
      session.cart[0].count += 1
      session.cart.push({ count: 5 })
    })
    expect(await sessions.read(visitor)).toEqual({ cart: [{ count: 2 }, { count: 5 }] })
  })

  it('replaces the values, not the id, when ctx.session is assigned', async () => {
    const { sessions, visitor } = await begin({ user: 'ann', cart: ['a'] })
    const id = sessionId(visitor)
    await sessions.ask(visitor, (ctx) => void Object.assign(ctx, { session: { theme: 'dark' } }))
    expect(await sessions.read(visitor)).toEqual({ theme: 'dark' })
    expect(sessionId(visitor)).toBe(id)
  })

  it('ends a session set to null, and clears its cookie', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' })
    const before = visitor.cookie
    const response = await sessions.fetch(visitor, (ctx) => void Object.assign(ctx, { session: null }))
    expect(setCookie(response)).toEqual([expect.stringContaining('expires=Thu, 01 Jan 1970')])
    expect(await sessions.read(sessions.visitor(before))).toEqual({})
  })

  it('moves the values of a regenerated session to a new id', async () => {
    const { sessions, visitor } = await begin({ cart: ['a'] })
    const [cookie, id] = [visitor.cookie, sessionId(visitor)]
    await sessions.ask(visitor, async ({ session }) => {
      session.user = 'ann'
      await session.regenerate()
    })
    expect(sessionId(visitor)).not.toBe(id)
    expect(await sessions.read(visitor)).toEqual({ cart: ['a'], user: 'ann' })
    expect(await sessions.read(sessions.visitor(cookie))).toEqual({})
  })

  it.each([
    ['emits expired after maxAge', HOUR + 1, 'expired'],
    ['emits missed after a grace period', HOUR + GRACE, 'missed'],
  ])('expires an unrenewed session: %s', async (_, ms, event) => {
    const sessions = await SessionApp.start({ session: { maxAge: DAY } })
    const events: string[] = []
    for (const name of ['missed', 'expired']) sessions.app.koa.on(`session:${name}`, () => void events.push(name))
    const visitor = await sessions.withSession({ user: 'ann' })
    sessions.app.clock.advance(DAY - HOUR)
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
    sessions.app.clock.advance(ms)
    expect(await sessions.read(visitor)).toEqual({})
    await turn()
    expect(events).toEqual([event])
  })

  it('renews a rolling session at each request', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { rolling: true, maxAge: DAY } })
    for (const _ of [1, 2, 3]) {
      sessions.app.clock.advance(DAY - HOUR)
      const response = await sessions.fetch(visitor, ({ session }) => session.user)
      expect(await response.json()).toBe('ann')
      expect(setCookie(response)).toHaveLength(1)
    }
  })

  it('with renew, renews after half of maxAge, not before', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { renew: true, maxAge: DAY } })
    sessions.app.clock.advance(DAY / 2 - HOUR)
    expect(setCookie(await sessions.fetch(visitor, () => 1))).toEqual([])
    sessions.app.clock.advance(2 * HOUR)
    expect(setCookie(await sessions.fetch(visitor, () => 1))).toHaveLength(1)
    const left = await sessions.ask(visitor, (ctx) => ctx['session']._expire - Date.now())
    expect(left).toBeGreaterThan(DAY - HOUR)
  })

  it.each([0, -5])('expires a session saved with maxAge %s, outside a request', async (ms) => {
    const sessions = await SessionApp.start()
    const store = sessions.app.live.sessionStore()
    await store.set('over', { user: 'ann' }, ms)
    expect(await store.get('over')).toMatchObject({ _maxAge: ms })
    sessions.app.clock.advance(GRACE)
    expect(await store.get('over')).toBeUndefined()
  })

  it.each(['1 day', true, {}, null, Number.NaN, Number.NEGATIVE_INFINITY])(
    'refuses an invalid maxAge: %p',
    async (maxAge) => {
      const sessions = await SessionApp.start()
      const store = sessions.app.live.sessionStore()
      await expect(store.set('id', { user: 'ann', _maxAge: maxAge ?? Number.NaN })).rejects.toMatchObject({
        code: 'malformed',
      })
      await expect(store.set('id', { user: 'ann' }, maxAge as never)).rejects.toMatchObject({ code: 'malformed' })
      expect(await store.get('id')).toBeUndefined()
    },
  )

  it.each([undefined, Number.POSITIVE_INFINITY])('never expires a session with maxAge %s', async (maxAge) => {
    const sessions = await SessionApp.start()
    const store = sessions.app.live.sessionStore()
    await store.set('id', { user: 'ann' }, maxAge)
    sessions.app.clock.advance(400 * DAY)
    expect(await store.get('id')).toMatchObject({ user: 'ann', _session: true })
  })

  it('sets the cookie of an empty session whose save() is not awaited', async () => {
    const app = await App.start({
      before: (koa, live) => [
        session({ key: 'app', store: live.sessionStore() }, koa),
        async (ctx) => {
          ctx.body = String(ctx['session'].isNew)
          void ctx['session'].save()
        },
      ],
    })
    const visitor = app.visitor()
    const answer = await visitor.fetch('/')
    expect(setCookie(answer)).toEqual([expect.stringContaining(`app=${sessionId(visitor)}`)])
    expect(await visitor.text('/')).toBe('false')
  })

  it('saves the changes since the previous save of the same request', async () => {
    const { sessions, visitor } = await begin({ step: 0, user: 'ann' })
    await sessions.ask(visitor, async ({ session }) => {
      session.step = 1
      await session.save()
      delete session.user
      await session.save()
      session.step = 0
    })
    expect(await sessions.read(visitor)).toEqual({ step: 0 })
  })

  it('refuses a genid that repeats the id of an ended session', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { genid: () => 'always the same' } })
    await sessions.ask(visitor, (ctx) => void Object.assign(ctx, { session: null }))
    const response = await sessions.fetch(visitor, ({ session }) => void Object.assign(session, { user: 'bob' }))
    expect(response.status).toBe(500)
    expect(String(sessions.app.errors[0])).toContain('Let genid return a new id each time')
    expect(String(sessions.app.errors[0])).not.toContain('always the same')
  })

  it('works behind a pass-through ContextStore', async () => {
    const asked: unknown[] = []
    const passOn = (store: SessionStore) => {
      return class ContextStore {
        get(...given: Parameters<SessionStore['get']>) {
          asked.push(given[2]?.ctx)
          return store.get(...given)
        }
        set(...given: Parameters<SessionStore['set']>) {
          return store.set(...given)
        }
        destroy(...given: Parameters<SessionStore['destroy']>) {
          return store.destroy(...given)
        }
      }
    }
    const { sessions, visitor } = await begin(
      { user: 'ann', theme: 'dark' },
      { session: (store) => ({ ContextStore: passOn(store) }) },
    )
    await Promise.all([sessions.write(visitor, { user: 'bob' }), sessions.write(visitor, { theme: 'light' })])
    expect(await sessions.read(visitor)).toEqual({ user: 'bob', theme: 'light' })
    expect(asked).toHaveLength(3)
  })

  it('refuses saves from a koa-session that passes no ctx', async () => {
    const without = (live: SessionStore) => ({
      get: (id: string) => live.get(id),
      set: (id: string, saved: unknown, maxAge: number, { ctx: _, ...data }: object & { ctx?: unknown }) =>
        live.set(id, saved, maxAge, data),
      destroy: (id: string) => live.destroy(id),
    })
    const sessions = await SessionApp.start({ session: (live) => ({ store: without(live) }) })
    const response = await sessions.fetch(sessions.visitor(), ({ session }) => void Object.assign(session, { a: 1 }))
    expect([response.status, setCookie(response)]).toEqual([500, []])
    expect(await response.text()).toBe('Internal Server Error')
    expect(sessions.app.errors).toEqual([
      expect.objectContaining({
        message: expect.stringContaining('expected the ctx of the request, received none. Use koa-session'),
      }),
    ])
  })

  it('replaces and destroys sessions outside a request', async () => {
    const sessions = await SessionApp.start()
    const store = sessions.app.live.sessionStore()
    const visitor = await sessions.withSession({ user: 'ann', cart: ['a'] })
    const id = sessionId(visitor)
    expect(await store.get(id)).toMatchObject({ user: 'ann', cart: ['a'], _maxAge: DAY })
    await store.set(id, { user: 'bob' }, DAY)
    expect(await sessions.read(visitor)).toEqual({ user: 'bob' })
    await store.destroy(id)
    expect(await store.get(id)).toBeUndefined()
    expect(await sessions.read(visitor)).toEqual({})
    await store.set('another', { user: 'cy' }, DAY)
    expect(await store.get('another')).toMatchObject({ user: 'cy' })
  })
})
