import { describe, expect, it } from '@jest/globals'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { once } from '../support/app/awaited.js'
import { fastTime } from '../support/app/fast-time.js'
import { Gate } from '../support/app/gate.js'
import { type Action, begin, SessionApp, sessionId, signOut } from '../support/app/sessions.js'
import { within } from '../support/app/within.js'

fastTime(10)

const DAY = 24 * 60 * 60 * 1000
const REQUESTS = 200

/** Resolves when the next connection closes. */
async function closing({ app }: SessionApp): Promise<unknown> {
  const [{ conn }] = await once(app.io, 'connection')
  return once(conn, 'close')
}

describe('live.sessionStore()', () => {
  it('keeps all of 200 concurrent changes to different keys', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' })
    let waiting = 0
    const gate = new Gate()
    const changes = Array.from({ length: REQUESTS }, (_, at) =>
      sessions.ask(visitor, async ({ session }) => {
        session[`key-${at}`] = at
        waiting += 1
        if (waiting === REQUESTS) gate.open()
        await gate.pass()
      }),
    )
    await Promise.all(changes)
    const { user, ...found } = await sessions.read(visitor)
    expect([user, Object.keys(found).length]).toEqual(['ann', REQUESTS])
  })

  it('writes only changed keys; the later save of a key wins', async () => {
    const { sessions, visitor } = await begin({ a: 0, b: 0, c: 0 })
    await sessions.during(
      visitor,
      ({ session }) => Object.assign(session, { a: 1, b: 1 }),
      () => sessions.write(visitor, { b: 2, c: 2 }),
    )
    expect(await sessions.read(visitor)).toEqual({ a: 1, b: 1, c: 2 })
  })

  it('keeps a deletion by a concurrent request', async () => {
    const { sessions, visitor } = await begin({ flash: 'saved', cart: [] })
    await sessions.during(
      visitor,
      ({ session }) => session.cart.push('a'),
      () => sessions.ask(visitor, ({ session }) => void delete session.flash),
    )
    expect(await sessions.read(visitor)).toEqual({ cart: ['a'] })
  })

  it('keeps a key written while another request replaces the session', async () => {
    const { sessions, visitor } = await begin({ old: 1 })
    const replaced = await sessions.during(
      visitor,
      (ctx) => void Object.assign(ctx, { session: { fresh: 1 } }),
      () => sessions.write(visitor, { other: 1 }),
    )
    expect(replaced.status).toBe(200)
    expect(await sessions.read(visitor)).toEqual({ fresh: 1, other: 1 })
  })

  it('keeps a new maxAge when an earlier request saves a rolling session', async () => {
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

  it('counts maxAge from the newest save, even of an older request', async () => {
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

describe('an ended session', () => {
  const ends: readonly (readonly [string, Action])[] = [
    ['set to null', signOut],
    ['regenerated', ({ session }) => session.regenerate()],
  ]

  it.each(ends)('discards a late save: %s', async (_, end) => {
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

  it.each(ends)('sends no session cookie with a late response: %s', async (_, end) => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { rolling: true } })
    const late = await sessions.during(
      sessions.visitor(visitor.cookie),
      (ctx) => void ctx.cookies.set('theme', 'dark'),
      () => sessions.ask(visitor, end),
    )
    const names = late.headers.getSetCookie().map((line) => line.split('=')[0])
    expect(names).toEqual(['theme'])
  })

  it.each(ends)('leaks no late change into the next session: %s', async (_, end) => {
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

  it('reports a late change to onError, but no unchanged save', async () => {
    const sessions = await SessionApp.start({ session: { rolling: true } })
    const late = async (action: Action): Promise<void> => {
      const visitor = await sessions.withSession({ user: 'ann' })
      const other = sessions.visitor(visitor.cookie)
      await sessions.during(other, action, () => sessions.ask(visitor, signOut))
    }
    await late(() => 0)
    expect(sessions.app.errors).toEqual([])
    await late(({ session }) => Object.assign(session, { cart: [] }))
    expect(sessions.app.errors).toEqual([expect.objectContaining({ code: 'superseded' })])
  })

  it('discards and reports a save after its expiry', async () => {
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

describe('session memory', () => {
  it('evicts the least recently used sessions in a flood of new sessions', async () => {
    const sessions = await SessionApp.start({ options: { cache: { maxVisitors: 100 } } as never })
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

  it('keeps a session while its socket is open, then evicts the session', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { options: { cache: { maxVisitors: 10 } } as never })
    const left = closing(sessions)
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

  describe('with browser-length sessions', () => {
    /** Polls the number of sessions until a periodic refresh has reduced it to `wanted`. */
    const rest = (sessions: SessionApp, wanted: number): Promise<number> =>
      within(
        async () => [...appSessionsOf(sessions.app.live).all()].length,
        (size) => size <= wanted,
      )

    it('evicts only sessions idle for cache.maxIdle', async () => {
      const options = { cache: { maxIdle: 10 * DAY } } as never
      const { sessions, visitor } = await begin({ user: 'ann' }, { session: { maxAge: 'session' }, options })
      const store = sessions.app.live.sessionStore()
      await store.set('dated', { user: 'bob' }, 30 * DAY)
      for (const days of [9, 9]) {
        sessions.app.clock.advance(days * DAY)
        await sessions.read(visitor)
      }
      sessions.app.clock.advance(11 * DAY)
      await rest(sessions, 1)
      expect(await sessions.read(visitor)).toEqual({})
      expect(await store.get('dated')).toMatchObject({ user: 'bob' })
    })

    it('restarts cache.maxIdle when a socket closes or writes', async () => {
      const options = { cache: { maxIdle: DAY } } as never
      const { sessions, visitor } = await begin({ user: 'ann' }, { session: { maxAge: 'session' }, options })
      const { clock } = sessions.app
      const left = closing(sessions)
      const session = await sessions.session(visitor)
      await sessions.withSession({ user: 'bob' })
      clock.advance(DAY - 1)
      visitor.leave()
      await left
      clock.advance(1)
      expect(await rest(sessions, 1)).toBe(1)
      await sessions.withSession({ user: 'cy' })
      clock.advance(1)
      await session.set('cart', ['a'])
      clock.advance(DAY - 1)
      expect(await rest(sessions, 1)).toBe(1)
      expect(session.values()).toEqual({ user: 'ann', cart: ['a'] })
      clock.advance(1)
      expect(await rest(sessions, 0)).toBe(0)
    })
  })

  it('saves the whole session if evicted during the request', async () => {
    const sessions = await SessionApp.start({ options: { cache: { maxVisitors: 10 } } as never })
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
  it('refuses changes, but not a mere renewal', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { rolling: true } })
    await sessions.app.live.close()
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
    const response = await sessions.fetch(visitor, ({ session }) => void Object.assign(session, { user: 'bob' }))
    expect(response.status).toBe(503)
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
  })
})
