import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { SessionStore } from 'koa-live-session'
import { testClock } from 'koa-live-session/testing'
import session from 'koa-session'
import { App } from '../support/app/app.js'
import { begin, SessionApp, sessionId } from '../support/app/sessions.js'
import type { Visitor } from '../support/app/visitor.js'
import { turn } from '../support/app/within.js'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
/** For so much longer than its cookie a session is kept, as koa-session has its stores do. */
const GRACE = 10_000

/** The lines of an answer that set the cookie of the session. */
function setCookie(response: Response): readonly string[] {
  return response.headers.getSetCookie().filter((line) => line.startsWith('app='))
}

/** What koa-session tells the app of sessions. */
function events(koa: Koa): string[] {
  const told: string[] = []
  for (const event of ['missed', 'expired', 'invalid']) koa.on(`session:${event}`, () => void told.push(event))
  return told
}

async function left(sessions: SessionApp, visitor: Visitor): Promise<number> {
  return sessions.ask(visitor, (ctx) => ctx['session']._expire - Date.now())
}

describe('what koa-session does with live.sessionStore()', () => {
  it('saves nothing of a new session that was left empty', async () => {
    const sessions = await SessionApp.start()
    const visitor = sessions.visitor()
    const response = await sessions.fetch(visitor, (ctx) => ctx['session'].isNew)
    expect(await response.json()).toBe(true)
    expect(setCookie(response)).toEqual([])
  })

  it('keeps what was set for the next request, in the cookie nothing but the id', async () => {
    const { sessions, visitor } = await begin({ user: 'ann', cart: ['a'] })
    const found = await sessions.ask(visitor, ({ session }) => [session.toJSON(), session.isNew, session.externalKey])
    expect(found).toEqual([{ user: 'ann', cart: ['a'] }, false, sessionId(visitor)])
    expect(sessionId(visitor)).toMatch(/^[\da-f-]{36}$/)
  })

  it('hands over values that the request may change, also deep in them', async () => {
    const { sessions, visitor } = await begin({ cart: [{ count: 1 }] })
    await sessions.ask(visitor, ({ session }) => {
      session.cart[0].count += 1
      session.cart.push({ count: 5 })
    })
    expect(await sessions.read(visitor)).toEqual({ cart: [{ count: 2 }, { count: 5 }] })
  })

  it('replaces the values, and not the id, where ctx.session is assigned', async () => {
    const { sessions, visitor } = await begin({ user: 'ann', cart: ['a'] })
    const id = sessionId(visitor)
    await sessions.ask(visitor, (ctx) => void Object.assign(ctx, { session: { theme: 'dark' } }))
    expect(await sessions.read(visitor)).toEqual({ theme: 'dark' })
    expect(sessionId(visitor)).toBe(id)
  })

  it('ends a session that was set to null, and takes its cookie away', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' })
    const before = visitor.cookie
    const response = await sessions.fetch(visitor, (ctx) => void Object.assign(ctx, { session: null }))
    expect(setCookie(response)).toEqual([expect.stringContaining('expires=Thu, 01 Jan 1970')])
    expect(await sessions.read(sessions.visitor(before))).toEqual({})
  })

  it('gives a session another id, and the same values, where it is regenerated', async () => {
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
    ['expires after maxAge since it was saved', HOUR + 1, 'expired'],
    ['is missed a while after that', HOUR + GRACE, 'missed'],
  ])('lets a session that is only read end: it %s', async (_, ms, event) => {
    const sessions = await SessionApp.start({ session: { maxAge: DAY } })
    const told = events(sessions.app.koa)
    const visitor = await sessions.withSession({ user: 'ann' })
    sessions.app.clock.advance(DAY - HOUR)
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
    sessions.app.clock.advance(ms)
    expect(await sessions.read(visitor)).toEqual({})
    await turn()
    expect(told).toEqual([event])
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

  it('renews a session past half of its time where renew is set, and not before', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { renew: true, maxAge: DAY } })
    sessions.app.clock.advance(DAY / 2 - HOUR)
    expect(setCookie(await sessions.fetch(visitor, () => 1))).toEqual([])
    sessions.app.clock.advance(2 * HOUR)
    expect(setCookie(await sessions.fetch(visitor, () => 1))).toHaveLength(1)
    expect(await left(sessions, visitor)).toBeGreaterThan(DAY - HOUR)
  })

  it('keeps a maxAge that a session was given', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { maxAge: DAY } })
    await sessions.ask(visitor, ({ session }) => {
      session.maxAge = 30 * DAY
    })
    sessions.app.clock.advance(20 * DAY)
    expect(await sessions.ask(visitor, ({ session }) => [session.user, session.maxAge])).toEqual(['ann', 30 * DAY])
  })

  it('ends a session whose maxAge is set to less than nothing', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { maxAge: DAY } })
    const [before, id] = [visitor.cookie, sessionId(visitor)]
    await sessions.ask(visitor, ({ session }) => void Object.assign(session, { maxAge: -1000 }))
    expect(await sessions.read(sessions.visitor(before))).toEqual({})
    sessions.app.clock.advance(GRACE)
    expect(await sessions.app.live.sessionStore().get(id)).toBeUndefined()
  })

  it.each([0, -5])('takes a session that code without a request gives %s ms for one that is over', async (ms) => {
    const sessions = await SessionApp.start()
    const store = sessions.app.live.sessionStore()
    await store.set('over', { user: 'ann' }, ms)
    expect(await store.get('over')).toMatchObject({ _maxAge: ms })
    sessions.app.clock.advance(GRACE)
    expect(await store.get('over')).toBeUndefined()
  })

  it.each(['1 day', true, {}, null, Number.NaN, Number.NEGATIVE_INFINITY])(
    'refuses a maxAge that is none, rather than keep the session for ever: %p',
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

  it.each([undefined, Number.POSITIVE_INFINITY])(
    'keeps a session without an end where maxAge is %s',
    async (maxAge) => {
      const sessions = await SessionApp.start()
      const store = sessions.app.live.sessionStore()
      await store.set('id', { user: 'ann' }, maxAge)
      sessions.app.clock.advance(400 * DAY)
      expect(await store.get('id')).toMatchObject({ user: 'ann', _session: true })
    },
  )

  it('keeps a session without an end where maxAge is session', async () => {
    const sessions = await SessionApp.start({ session: { maxAge: 'session' } })
    const visitor = sessions.visitor()
    const response = await sessions.fetch(visitor, ({ session }) => void Object.assign(session, { user: 'ann' }))
    expect(setCookie(response)[0]).not.toContain('expires')
    sessions.app.clock.advance(20 * DAY)
    expect(await sessions.ask(visitor, ({ session }) => [session.user, session.maxAge])).toEqual(['ann', 'session'])
  })

  it('saves an unchanged session where save() is called', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { maxAge: DAY } })
    sessions.app.clock.advance(DAY - HOUR)
    await sessions.ask(visitor, ({ session }) => session.save())
    expect(await left(sessions, visitor)).toBeGreaterThan(DAY - HOUR)
  })

  it('saves when it is told to, and no other time, without autoCommit', async () => {
    const sessions = await SessionApp.start({ session: { autoCommit: false } })
    const visitor = sessions.visitor()
    await sessions.ask(visitor, async ({ session }) => {
      session.user = 'ann'
      await session.manuallyCommit()
      session.user = 'bob'
    })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
  })

  it('sets the cookie of a new session with nothing in it that is saved, though the app does not wait for that', async () => {
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

  it('saves each time what has changed since the last, where a request saves more than once', async () => {
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

  it.each([
    ['genid', { genid: () => `mine-${Math.random()}` }, /^mine-0/],
    ['prefix', { prefix: 'app:' }, /^app:[\da-f-]{36}$/],
  ])('takes ids from %s', async (_, own, pattern) => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: own })
    expect(sessionId(visitor)).toMatch(pattern)
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
  })

  it('refuses a genid that makes the id of a session that has ended', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { genid: () => 'always the same' } })
    await sessions.ask(visitor, (ctx) => void Object.assign(ctx, { session: null }))
    const response = await sessions.fetch(visitor, ({ session }) => void Object.assign(session, { user: 'bob' }))
    expect(response.status).toBe(500)
    expect(String(sessions.app.errors[0])).toContain('Let genid make another each time')
    expect(String(sessions.app.errors[0])).not.toContain('always the same')
  })

  it('takes ids from externalKey', async () => {
    const externalKey = {
      get: (ctx: Koa.Context) => ctx.get('x-session'),
      set: (ctx: Koa.Context, id: string) => ctx.set('x-session', id),
    }
    const sessions = await SessionApp.start({ session: { externalKey } })
    const begun = await sessions.fetch(
      sessions.visitor(),
      ({ session }) => void Object.assign(session, { user: 'ann' }),
    )
    const headers = { 'x-session': begun.headers.get('x-session') ?? '' }
    const response = await sessions.fetch(sessions.visitor(), ({ session }) => session.user, { headers })
    expect(await response.json()).toBe('ann')
    expect(response.headers.getSetCookie()).toEqual([])
  })

  it('works behind a ContextStore that passes everything on', async () => {
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

  it('refuses each save of a koa-session that hands over no ctx, rather than lose what other requests change', async () => {
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
    expect(sessions.app.errors).toEqual([expect.objectContaining({ message: expect.stringContaining('6.1 or newer') })])
  })

  it.each([undefined, {}, { ctx: undefined }])('takes what code without a request saves, with %j', async (data) => {
    const store = (await SessionApp.start()).app.live.sessionStore()
    await store.set('id', { user: 'ann' }, DAY, data)
    expect(await store.get('id')).toMatchObject({ user: 'ann' })
  })

  it('begins anew where valid() refuses a session', async () => {
    const sessions = await SessionApp.start({ session: { valid: (_, session) => session.user !== 'eve' } })
    const told = events(sessions.app.koa)
    const visitor = await sessions.withSession({ user: 'eve' })
    expect(await sessions.read(visitor)).toEqual({})
    await turn()
    expect(told).toEqual(['invalid'])
  })

  it('saves what beforeSave() has made of a session', async () => {
    const beforeSave = (_: unknown, session: Record<string, unknown>) => {
      session['saved'] = Number(session['saved'] ?? 0) + 1
    }
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { beforeSave } })
    await sessions.write(visitor, { user: 'bob' })
    expect(await sessions.read(visitor)).toEqual({ user: 'bob', saved: 2 })
  })

  it('carries values as its JSON does', async () => {
    class Point {
      x = 1
      constructor(readonly y: number) {}
    }
    const sessions = await SessionApp.start()
    const visitor = await sessions.withSession({
      at: new Date(0),
      point: new Point(2),
      nothing: undefined,
      none: null,
      nan: Number.NaN,
      map: new Map([[1, 2]]),
      list: [undefined, () => 1],
      call: () => 1,
      text: 'caf\u00e9 \u{1f600}',
    })
    expect(await sessions.read(visitor)).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      point: { x: 1, y: 2 },
      none: null,
      nan: null,
      map: {},
      list: [null, null],
      text: 'caf\u00e9 \u{1f600}',
    })
  })

  it('works for code of the app that has no request: an end from elsewhere, a session that is written whole', async () => {
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

  it('gives the same store each time it is asked for', async () => {
    const { app } = await SessionApp.start({ clock: testClock() })
    expect(app.live.sessionStore()).toBe(app.live.sessionStore())
  })
})
