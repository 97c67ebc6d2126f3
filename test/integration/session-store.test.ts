import { describe, expect, it } from '@jest/globals'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { Gate } from '../support/app/gate.js'
import { begin, type Deed, SessionApp, sessionId, signOut } from '../support/app/sessions.js'
import { within } from '../support/app/within.js'

const DAY = 24 * 60 * 60 * 1000
const REQUESTS = 200

/** koa-session's own example of a store: it keeps what was saved last. */
function mapStore() {
  const sessions = new Map<string, string>()
  return {
    get: async (id: string): Promise<unknown> => JSON.parse(sessions.get(id) ?? 'null'),
    set: async (id: string, session: unknown): Promise<void> => void sessions.set(id, JSON.stringify(session)),
    destroy: async (id: string): Promise<void> => void sessions.delete(id),
  }
}

/** How many of so many requests, which have all begun before the first one ends, leave what they have set. */
async function survivors(sessions: SessionApp): Promise<number> {
  const visitor = await sessions.withSession({ user: 'ann' })
  let waiting = 0
  const gate = new Gate()
  const requests = Array.from({ length: REQUESTS }, (_, at) =>
    sessions.ask(visitor, async ({ session }) => {
      session[`key-${at}`] = at
      waiting += 1
      if (waiting === REQUESTS) gate.open()
      await gate.pass()
    }),
  )
  await Promise.all(requests)
  const found = await sessions.read(visitor)
  expect(found['user']).toBe('ann')
  return Object.keys(found).filter((key) => key.startsWith('key-')).length
}

describe('live.sessionStore()', () => {
  it('keeps what 200 requests at once have set, each under a key of its own, of which a Map keeps one', async () => {
    expect(await survivors(await SessionApp.start({ store: mapStore() }))).toBe(1)
    expect(await survivors(await SessionApp.start())).toBe(REQUESTS)
  })

  it('writes only what a request has changed, so that of one key the later save stands', async () => {
    const { sessions, visitor } = await begin({ a: 0, b: 0, c: 0 })
    await sessions.during(
      visitor,
      ({ session }) => Object.assign(session, { a: 1, b: 1 }),
      () => sessions.write(visitor, { b: 2, c: 2 }),
    )
    expect(await sessions.read(visitor)).toEqual({ a: 1, b: 1, c: 2 })
  })

  it('lets a key that another request deletes meanwhile stay deleted', async () => {
    const { sessions, visitor } = await begin({ flash: 'saved', cart: [] })
    await sessions.during(
      visitor,
      ({ session }) => session.cart.push('a'),
      () => sessions.ask(visitor, ({ session }) => void delete session.flash),
    )
    expect(await sessions.read(visitor)).toEqual({ cart: ['a'] })
  })

  it('keeps a key that comes while another request replaces the session', async () => {
    const { sessions, visitor } = await begin({ old: 1 })
    const replaced = await sessions.during(
      visitor,
      (ctx) => void Object.assign(ctx, { session: { fresh: 1 } }),
      () => sessions.write(visitor, { other: 1 }),
    )
    expect(replaced.status).toBe(200)
    expect(await sessions.read(visitor)).toEqual({ fresh: 1, other: 1 })
  })

  it('lets no rolling request take back the maxAge that another has given the session', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { rolling: true, maxAge: DAY } })
    await sessions.during(
      visitor,
      () => 0,
      () =>
        sessions.ask(visitor, ({ session }) => {
          session.maxAge = 30 * DAY
        }),
    )
    sessions.app.clock.advance(29 * DAY)
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
  })

  it('counts the time of a session from its newest save, whichever has begun first', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { rolling: true, maxAge: DAY } })
    const half = DAY / 2
    await sessions.during(
      visitor,
      () => 0,
      async () => {
        sessions.app.clock.advance(half)
        await sessions.read(visitor)
        sessions.app.clock.advance(half)
      },
    )
    sessions.app.clock.advance(DAY - 1)
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
  })
})

describe('a session that its app has ended', () => {
  const ends: readonly (readonly [string, Deed])[] = [
    ['set to null', signOut],
    ['regenerated', ({ session }) => session.regenerate()],
  ]

  it.each(ends)('does not come back by a late save, where it was %s', async (_, end) => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { rolling: true } })
    const before = visitor.cookie
    const response = await sessions.during(
      sessions.visitor(before),
      ({ session }) => Object.assign(session, { cart: ['a'] }),
      () => sessions.ask(visitor, end),
    )
    expect(response.status).toBe(200)
    expect(await sessions.read(sessions.visitor(before))).toEqual({})
  })

  it.each(ends)('leaves the browser the cookie that it was given meanwhile, where it was %s', async (_, end) => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { rolling: true } })
    const late = await sessions.during(
      sessions.visitor(visitor.cookie),
      (ctx) => void ctx.cookies.set('theme', 'dark'),
      () => sessions.ask(visitor, end),
    )
    const names = late.headers.getSetCookie().map((line) => line.split('=')[0])
    expect(names).toEqual(['theme'])
  })

  it.each(ends)('leaves nothing of a late change in the session that comes next, where it was %s', async (_, end) => {
    const { sessions, visitor } = await begin({ user: 'ann' })
    await sessions.during(
      sessions.visitor(visitor.cookie),
      ({ session }) => Object.assign(session, { user: 'eve' }),
      async () => {
        await sessions.ask(visitor, end)
        await sessions.write(visitor, { step: 1 })
      },
    )
    expect(await sessions.read(visitor)).not.toMatchObject({ user: 'eve' })
  })

  it('has onError told of a change that came too late, and of no save that has changed nothing', async () => {
    const sessions = await SessionApp.start({ session: { rolling: true } })
    const late = async (deed: Deed): Promise<void> => {
      const visitor = await sessions.withSession({ user: 'ann' })
      const other = sessions.visitor(visitor.cookie)
      await sessions.during(other, deed, () => sessions.ask(visitor, signOut))
    }
    await late(() => 0)
    expect(sessions.app.errors).toEqual([])
    await late(({ session }) => Object.assign(session, { cart: [] }))
    expect(sessions.app.errors).toEqual([expect.objectContaining({ code: 'superseded' })])
  })

  it('does not come back by a save that is later than its expiry', async () => {
    const { sessions, visitor } = await begin({ user: 'ann', cart: [] }, { session: { rolling: true, maxAge: DAY } })
    await sessions.during(
      visitor,
      ({ session }) => session.cart.push('a'),
      async () => sessions.app.clock.advance(2 * DAY),
    )
    expect(await sessions.read(visitor)).toEqual({})
    expect(sessions.app.errors).toEqual([expect.objectContaining({ code: 'superseded' })])
  })
})

describe('memory', () => {
  it('forgets those that were not used for the longest time, in a flood of new sessions', async () => {
    const sessions = await SessionApp.start({ options: { cache: { maxSubjects: 100 } } as never })
    const store = sessions.app.live.sessionStore()
    const [used, unused] = [await sessions.withSession({ user: 'ann' }), await sessions.withSession({ user: 'bob' })]
    for (let at = 0; at < 300; at += 1) {
      await store.set(`stranger-${at}`, { csrf: at }, DAY)
      if (at % 20 === 0) await sessions.read(used)
    }
    expect(await sessions.read(used)).toEqual({ user: 'ann' })
    expect(await sessions.read(unused)).toEqual({})
    const there = await Promise.all(Array.from({ length: 300 }, (_, at) => store.get(`stranger-${at}`)))
    expect(there.filter((found) => found !== undefined).length).toBeLessThanOrEqual(100)
  })

  it('keeps a session that an open socket holds, and gives it back when that has gone', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { options: { cache: { maxSubjects: 10 } } as never })
    const left = new Promise((resolve) => {
      sessions.app.io.once('connection', ({ conn }) => conn.once('close', resolve))
    })
    const session = await sessions.session(visitor)
    await sessions.flood()
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
    expect(session.get('user')).toBe('ann')
    visitor.leave()
    await left
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
    await sessions.flood()
    expect(await sessions.read(visitor)).toEqual({})
  })

  it('forgets a session that only its browser ends when it was not used for cache.maxIdle, and no other', async () => {
    const options = { cache: { maxIdle: 10 * DAY } } as never
    const sessions = await SessionApp.start({ session: { maxAge: 'session' }, options })
    const appSessions = appSessionsOf(sessions.app.live)
    const store = sessions.app.live.sessionStore()
    const visitor = await sessions.withSession({ user: 'ann' })
    await store.set('dated', { user: 'bob' }, 30 * DAY)
    sessions.app.clock.advance(9 * DAY)
    await sessions.read(visitor)
    sessions.app.clock.advance(9 * DAY)
    await sessions.read(visitor)
    sessions.app.clock.advance(11 * DAY)
    await within(
      async () => [...appSessions.all()].length,
      (size) => size === 1,
    )
    expect(await sessions.read(visitor)).toEqual({})
    expect(await store.get('dated')).toMatchObject({ user: 'bob' })
  })

  it('keeps one for cache.maxIdle since a socket of it has closed, or written to it, and no longer', async () => {
    const sessions = await SessionApp.start({
      session: { maxAge: 'session' },
      options: { cache: { maxIdle: DAY } } as never,
    })
    const { clock, live } = sessions.app
    const appSessions = appSessionsOf(live)
    const rest = (size: number): Promise<number> =>
      within(
        async () => [...appSessions.all()].length,
        (found) => found <= size,
      )
    const visitor = await sessions.withSession({ user: 'ann' })
    const left = new Promise((resolve) => {
      sessions.app.io.once('connection', ({ conn }) => conn.once('close', resolve))
    })
    const session = await sessions.session(visitor)
    await sessions.withSession({ user: 'bob' })
    clock.advance(DAY - 1)
    visitor.leave()
    await left
    clock.advance(1)
    expect(await rest(1)).toBe(1)
    await sessions.withSession({ user: 'cy' })
    clock.advance(1)
    await session.set('cart', ['a'])
    clock.advance(DAY - 1)
    expect(await rest(1)).toBe(1)
    expect(session.values()).toEqual({ user: 'ann', cart: ['a'] })
    clock.advance(1)
    expect(await rest(0)).toBe(0)
  })

  it('saves the whole session of a request where it has forgotten it meanwhile', async () => {
    const sessions = await SessionApp.start({ options: { cache: { maxSubjects: 10 } } as never })
    const store = sessions.app.live.sessionStore()
    const visitor = await sessions.withSession({ user: 'ann' })
    await sessions.during(
      visitor,
      ({ session }) => Object.assign(session, { cart: ['a'] }),
      async () => {
        await sessions.flood()
        expect(await store.get(sessionId(visitor))).toBeUndefined()
      },
    )
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
  })
})

describe('live.close()', () => {
  it('refuses what requests change from then on, and no request that renews its session alone', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { rolling: true } })
    await sessions.app.live.close()
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
    const response = await sessions.fetch(visitor, ({ session }) => void Object.assign(session, { user: 'bob' }))
    expect(response.status).toBe(503)
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
  })
})
