import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { AppSession, SessionStore } from 'koa-live-session'
import { memoryStore, testClock } from 'koa-live-session/testing'
import session from 'koa-session'
import type { Store } from '../../server/types/store.js'
import { App } from '../support/app/app.js'
import { AuthStore, account, identify } from '../support/app/auth.js'
import { Gate } from '../support/app/gate.js'
import { type Action, begin, rotate, SessionApp, sessionId, signOut } from '../support/app/sessions.js'
import { DAY, HOUR } from '../support/app/times.js'
import { startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { turn } from '../support/app/within.js'

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
    const sessions = await SessionApp.start({ options: { cache: { maxIdle: 500 * DAY } } as never })
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

const wait: Action = () => undefined

function signIn(user: string): Action {
  return ({ session }) => Object.assign(session, { user }).regenerate()
}

/** Makes concurrent requests with the same cookie; returns the status and the later visitor of each request. */
async function atOnce(
  sessions: SessionApp,
  { cookie }: Visitor,
  actions: readonly Action[],
  meanwhile?: () => Promise<unknown>,
): Promise<readonly { readonly status: number; readonly visitor: Visitor }[]> {
  const both = actions.map((action) => ({ action, gate: new Gate(), visitor: sessions.visitor(cookie) }))
  const answers = both.map(async ({ action, gate, visitor }) => {
    const { status } = await sessions.fetch(visitor, async (ctx) => {
      await gate.pass()
      await action(ctx)
    })
    return { status, visitor }
  })
  await Promise.all(both.map(({ gate }) => gate.entered))
  for (const { gate } of both) gate.open()
  await meanwhile?.()
  return Promise.all(answers)
}

describe('a regenerated session', () => {
  const writes: readonly (readonly [string, (own: AppSession, other: () => Promise<void>) => Promise<unknown>])[] = [
    ['a socket', (own) => own.set('cart', ['a', 'b'])],
    ['another request', (_, other) => other()],
  ]

  it.each(writes)('includes concurrent writes by %s', async (_, write) => {
    const { sessions, visitor } = await begin({ cart: ['a'], flash: 'hello' })
    const [own, other] = [await sessions.session(visitor), sessions.visitor(visitor.cookie)]
    const meanwhile = () => write(own, () => sessions.write(other, { cart: ['a', 'b'] }))
    await sessions.during(visitor, wait, meanwhile, (ctx) => {
      delete ctx['session'].flash
      return signIn('ann')(ctx)
    })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a', 'b'] })
  })

  it("includes another process's writes from the store", async () => {
    const given = { clock: testClock(), options: { store: memoryStore() } as never }
    const [near, far] = [await SessionApp.start(given), await SessionApp.start(given)]
    const visitor = await near.withSession({ cart: ['a'] })
    const meanwhile = () => far.write(far.visitor(visitor.cookie), { cart: ['a', 'b'] })
    await near.during(visitor, wait, meanwhile, signIn('ann'))
    expect(await near.read(visitor)).toEqual({ user: 'ann', cart: ['a', 'b'] })
  })

  it('keeps a maxAge set by a concurrent request', async () => {
    const { sessions, visitor } = await begin({ cart: [] }, { session: { maxAge: 600_000 } })
    const stay: Action = ({ session }) => Object.assign(session, { maxAge: 6_000_000 })
    await sessions.during(visitor, wait, () => sessions.ask(sessions.visitor(visitor.cookie), stay), signIn('ann'))
    sessions.app.clock.advance(3_000_000)
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: [] })
  })

  it('keeps its values if evicted during the request', async () => {
    const { sessions, visitor } = await begin({ cart: ['a'] }, { options: { cache: { maxVisitors: 10 } } as never })
    await sessions.during(visitor, wait, () => sessions.flood(), signIn('ann'))
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
  })

  it('keeps its values if regenerated again in the same request', async () => {
    const { sessions, visitor } = await begin({ cart: ['a'] })
    await sessions.ask(visitor, async ({ session }) => {
      await session.regenerate()
      session.user = 'ann'
      await session.regenerate()
    })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
  })

  it.each<[string, Action]>([
    ['a double sign-in', signIn('ann')],
    ['two rotations at once', rotate],
  ])('survives %s, under both new ids', async (_, action) => {
    const { sessions, visitor } = await begin({ user: 'ann', cart: ['a'] })
    const again = sessions.visitor(visitor.cookie)
    const response = await sessions.during(again, wait, () => sessions.ask(visitor, action), action)
    expect(response.status).toBe(200)
    for (const each of [visitor, again]) expect(await sessions.read(each)).toEqual({ user: 'ann', cart: ['a'] })
  })

  it('keeps its values if two concurrent sign-ins wait for the store', async () => {
    const [store, gate] = [memoryStore(), new Gate()]
    let isHeld = false
    const merge: Store['merge'] = async (...given) => {
      if (isHeld) await gate.pass()
      return store.merge(...given)
    }
    const sessions = await SessionApp.start({ options: { store: { ...store, merge } } as never })
    const before = await sessions.withSession({ cart: ['a'] })
    const own = await sessions.session(before)
    isHeld = true
    const written = own.set('cart', ['a', 'b'])
    await gate.entered
    const answer = async (): Promise<void> => {
      await turn()
      isHeld = false
      gate.open()
    }
    for (const { status, visitor } of await atOnce(sessions, before, [signIn('ann'), signIn('ann')], answer))
      expect([status, await sessions.read(visitor)]).toEqual([200, { user: 'ann', cart: ['a', 'b'] }])
    await written
  })

  it('rejects a sign-in if a concurrent request has destroyed the session', async () => {
    const sessions = await SessionApp.start()
    const before = await sessions.withSession({ cart: ['a'] })
    const end: Action = async (ctx) => {
      signOut(ctx)
      await sessions.app.live.sessionStore().destroy(sessionId(before), { ctx })
    }
    const answers = await atOnce(sessions, before, [end, signIn('ann')])
    expect(answers.map(({ status }) => status)).toEqual([200, 409])
  })

  it('hides later values from another request that regenerates the former id', async () => {
    const { sessions, visitor } = await begin({ cart: ['a'] })
    const planted = sessions.visitor(visitor.cookie)
    const meanwhile = async (): Promise<void> => {
      await sessions.ask(visitor, signIn('ann'))
      await sessions.write(visitor, { card: '4111' })
    }
    await sessions.during(planted, wait, meanwhile, rotate)
    expect(await sessions.read(planted)).toEqual({ cart: ['a'] })
  })

  it('gives a later request with the former id an empty session', async () => {
    const { sessions, visitor } = await begin({ cart: ['a'] })
    const early = sessions.visitor(visitor.cookie)
    const signedIn = await sessions.during(visitor, signIn('ann'), () => sessions.write(early, { theme: 'dark' }))
    expect(signedIn.status).toBe(200)
    expect(await sessions.read(early)).toEqual({ theme: 'dark' })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
  })
})

type Options = Parameters<typeof session>[0]

/** An app with `session()` after the plugin's middleware. */
function startInReverse(options: Options, who: unknown): Promise<App> {
  const late: { session?: Koa.Middleware } = {}
  return App.start({
    before: (koa) => {
      late.session = session({ key: 'app', ...options }, koa)
      return []
    },
    attach: { handshake: [] },
    options: { identify: who } as never,
    routes: async (ctx, next) => {
      await late.session?.(ctx, () => account(ctx, next))
    },
  })
}

const MESSAGE = [
  'koa-live-session: identify read ctx.session before session() had loaded it, so every visitor would be a guest: expected ',
  'app.use(session(...)) before app.use(live.middleware())',
].join('')

describe('session() with a store, after live.middleware()', () => {
  it('throws at every request instead of treating users as guests', async () => {
    const app = await startInReverse({ store: new AuthStore() }, identify)
    for (const path of ['/', '/login?user=ann', '/']) expect((await app.visitor().fetch(path)).status).toBe(500)
    expect((await app.visitor().store()).status).toBe(500)
    expect(app.errors.map(String)).toEqual(Array.from({ length: 4 }, () => `TypeError: ${MESSAGE}`))
  })
})

describe('an unreadable ctx.session', () => {
  it('does not fail a sign-in if sessions are elsewhere', async () => {
    const app = await App.start({
      before: (koa) => {
        Object.defineProperty(koa.context, 'session', {
          get: () => {
            throw new Error('of the app')
          },
        })
        return []
      },
      options: { identify: (ctx: Koa.Context) => ctx.state['user'] } as never,
      routes: async (ctx) => {
        ctx.state['user'] = 'ann'
        await ctx.liveSession.identify()
        ctx.body = 'signed in'
      },
    })
    const answer = await app.visitor().fetch('/', { signal: AbortSignal.timeout(5000) })
    expect([answer.status, await answer.text(), app.errors]).toEqual([200, 'signed in', []])
  })
})

describe('session() with a store on some paths only', () => {
  it('throws on the other paths, whichever path comes first', async () => {
    const app = await App.start({
      before: (koa) => {
        const sessions = session({ key: 'app', store: new AuthStore() }, koa)
        return [(ctx, next) => (ctx.path === '/assets' ? next() : sessions(ctx, next))]
      },
      attach: { handshake: [] },
      options: { identify } as never,
      routes: account,
    })
    const visitor = app.visitor()
    const statuses: number[] = []
    for (const path of ['/assets', '/unused', '/assets']) statuses.push((await visitor.fetch(path)).status)
    expect(statuses).toEqual([500, 200, 500])
  })
})

describe('session()', () => {
  it('may follow live.middleware() if sessions are in the cookie', async () => {
    const app = await startInReverse({}, identify)
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    expect((await visitor.fetch('/')).status).toBe(200)
    expect((await values(visitor))['division']).toBe(-1)
    expect(app.errors).toEqual([])
  })

  it('may be created twice; the first options apply', async () => {
    const app = await startWithUsers({ store: new AuthStore(), isAttached: false })
    app.live.attach(app.io, { handshake: [session({ key: 'another' }, app.koa)] })
    const greetings: unknown[] = []
    app.io.on('connection', (socket) => greetings.push(socket.liveSession.userId))
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    await (await visitor.connect()).ticket()
    expect([greetings, app.errors]).toEqual([['ann'], []])
    expect(app.warnings.filter((text) => text.includes('identify'))).toEqual([])
  })

  it.each<[string, unknown]>([
    ['an identify without session', (ctx: Koa.Context) => ctx.get('x-user') || undefined],
    ['no identify', undefined],
  ])('may follow live.middleware() with %s', async (_, who) => {
    const app = await startInReverse({ store: new AuthStore() }, who)
    expect([(await app.visitor().fetch('/unused')).status, app.errors]).toEqual([200, []])
  })
})
