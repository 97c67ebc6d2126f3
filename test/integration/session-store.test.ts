import { describe, expect, it } from '@jest/globals'
import type { AppSession } from 'koa-live-session'
import koaSession from 'koa-session'
import { App } from '../support/app/app.js'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { identify } from '../support/app/auth.js'
import { awaited, once } from '../support/app/awaited.js'
import { fastTime } from '../support/app/fast-time.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import { type Action, begin, connect, SessionApp, sessionId, signOut } from '../support/app/sessions.js'
import { DAY, HOUR } from '../support/app/times.js'
import { turn, within } from '../support/app/within.js'

fastTime(10)

const REQUESTS = 200

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
    sessions.app.clock.advance(DAY - HOUR)
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

  it.each(ends)('sends no session cookie that a late response had set before: %s', async (_, end) => {
    const { sessions, visitor } = await begin({ user: 'ann' })
    const late = await sessions.during(
      sessions.visitor(visitor.cookie),
      ({ session }) => session.save(),
      () => sessions.ask(visitor, end),
    )
    expect([late.status, late.headers.getSetCookie()]).toEqual([200, []])
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
    const left = sessions.closing()
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
    /** ms between two periodic refreshes. */
    const ROUND = 1000

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
      const left = sessions.closing()
      const session = await sessions.session(visitor)
      await sessions.withSession({ user: 'bob' })
      clock.advance(DAY - ROUND)
      visitor.leave()
      await left
      clock.advance(ROUND)
      expect(await rest(sessions, 1)).toBe(1)
      await sessions.withSession({ user: 'cy' })
      clock.advance(ROUND)
      await session.set('cart', ['a'])
      clock.advance(DAY - ROUND)
      expect(await rest(sessions, 1)).toBe(1)
      expect(session.values()).toEqual({ user: 'ann', cart: ['a'] })
      clock.advance(ROUND)
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

function follow(session: AppSession) {
  const events: unknown[] = []
  session.onChange(({ key, value, previous, source }) => events.push([key, value, previous, source]))
  session.onEnd((end) => events.push(end))
  return events
}

describe('socket.session', () => {
  it('is undefined without a valid session or its handshake middleware', async () => {
    const sessions = await SessionApp.start()
    expect(await sessions.connect(sessions.visitor())).toBeUndefined()
    const strict = await SessionApp.start({ session: { valid: (_, { user }) => user !== 'eve' } })
    expect(await strict.connect(await strict.withSession({ user: 'eve' }))).toBeUndefined()
    const without = await SessionApp.start({ attach: { handshake: [] } })
    const visitor = await without.withSession({ user: 'ann' })
    expect(await without.connect(visitor)).toBeUndefined()
  })

  it('is undefined with a warning if attach has no handshake', async () => {
    const warning =
      'koa-live-session: attach(io): expected handshake with the session middleware, because sessions are in live.sessionStore(), and ' +
      'socket.session is undefined without it. Pass attach(io, { handshake: [sessions] }), with the instance of app.use'
    for (const [attach, warnings] of [
      [{} as never, [warning]],
      [{ handshake: [] }, []],
    ] as const) {
      const sessions = await SessionApp.start({ attach })
      const visitor = await sessions.withSession({ user: 'ann' })
      for (let i = 0; i < 2; i += 1) expect(await sessions.connect(visitor)).toBeUndefined()
      expect(sessions.app.warnings.filter((text) => text.includes('handshake'))).toEqual(warnings)
    }
    const app = await App.start({ attach: {} as never })
    await app.visitor().connect()
    expect(app.warnings.filter((text) => text.includes('handshake'))).toEqual([])
  })

  it('is undefined, without an error, if sessions are elsewhere', async () => {
    const decode = (): never => {
      throw new Error('tampered')
    }
    const app = await App.start({
      before: (koa) => [koaSession({ key: 'app', signed: false, decode }, koa)],
      routes: () => undefined,
    })
    const found = once(app.io, 'connection')
    await app.visitor('app=x').connect()
    expect((await found)[0].session).toBeUndefined()
    expect(app.errors).toEqual([])
  })

  it('names the same user as identify', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { options: { identify } as never })
    const users: unknown[] = []
    sessions.app.io.on('connection', (socket) => users.push(socket.liveSession.userId, socket.session?.get('user')))
    await visitor.connect()
    expect(users).toEqual(['ann', 'ann'])
  })

  it('sets and deletes synchronously, and persists', async () => {
    const { sessions, visitor, session } = await connect({ user: 'ann', flash: 'hello' })
    const written = session.set('cart', ['a'])
    expect(session.get('cart')).toEqual(['a'])
    expect(await written).toEqual({ stamp: expect.any(Number), level: 'memory' })
    await session.delete('flash')
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
  })

  it('updates from the newest value, synchronously', async () => {
    const { sessions, visitor, session } = await connect({ count: 1 })
    const add = () => session.update('count', (count) => Number(count) + 1)
    await Promise.all([add(), add()])
    expect(session.get('count')).toBe(3)
    expect(await sessions.read(visitor)).toEqual({ count: 3 })
  })

  it('notifies per key of changes by requests and sockets', async () => {
    const { sessions, visitor } = await begin({ user: 'ann', theme: 'light' })
    const [session, other] = [await sessions.session(visitor), await sessions.session(visitor)]
    const events = follow(session)
    const themes: unknown[] = []
    session.subscribe('theme', (theme) => themes.push(theme))
    await sessions.write(visitor, { theme: 'dark', user: 'ann' })
    await other.set('cart', ['a'])
    await session.delete('theme')
    expect(events).toEqual([
      ['theme', 'dark', 'light', 'request'],
      ['cart', ['a'], undefined, 'socket'],
      ['theme', undefined, 'dark', 'socket'],
    ])
    expect(themes).toEqual(['light', 'dark', undefined])
  })

  it('notifies whole-session listeners once a turn', async () => {
    const { sessions, visitor, session } = await connect({ a: 0 })
    const events: unknown[] = []
    const unsubscribe = session.subscribe((values) => events.push(values))
    await sessions.write(visitor, { a: 1, b: 1 })
    void session.set('c', 1)
    void session.set('c', 2)
    await turn()
    unsubscribe()
    await session.set('c', 3)
    expect(events).toEqual([{ a: 0 }, { a: 1, b: 1 }, { a: 1, b: 1, c: 2 }])
  })

  it('ignores unchanged saves and other sessions', async () => {
    const sessions = await SessionApp.start({ session: { rolling: true } })
    const [visitor, other] = [await sessions.withSession({ a: [1] }), await sessions.withSession({ a: [1] })]
    const events = follow(await sessions.session(visitor))
    await sessions.read(visitor)
    await sessions.write(visitor, { a: [1] })
    await (await sessions.session(visitor)).set('a', [1])
    await sessions.write(other, { a: [2] })
    expect(events).toEqual([])
  })

  it('notifies nobody after its socket disconnects', async () => {
    const { sessions, visitor } = await begin({ a: 0 })
    const gone = new Promise((resolve) => {
      sessions.app.io.once('connection', (socket) => socket.once('disconnect', resolve))
    })
    const events = follow(await sessions.session(visitor))
    visitor.leave()
    await awaited('the end of the connection', gone)
    await sessions.write(visitor, { a: 1 })
    expect(events).toEqual([])
  })

  it.each<[string, Action]>([
    ['destroyed', signOut],
    ['regenerated', ({ session }) => session.regenerate()],
  ])('ends and rejects changes after the session is %s', async (_, end) => {
    const { sessions, visitor, session } = await connect({ user: 'ann' })
    const events = follow(session)
    await sessions.ask(visitor, end)
    expect(events).toEqual([['user', undefined, 'ann', 'job'], 'destroyed'])
    expect(session.ended).toBe('destroyed')
    expect(session.values()).toEqual({})
    await expect(session.set('user', 'eve')).rejects.toMatchObject({ code: 'superseded', status: 409 })
    await expect(session.update('user', () => 'eve')).rejects.toMatchObject({ code: 'superseded' })
    expect(await sessions.read(visitor)).not.toHaveProperty('user', 'eve')
  })

  it('closes a socket that connects before the answer brings the new id', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' })
    const early = sessions.visitor(visitor.cookie)
    const rotate: Action = ({ session }) => session.regenerate()
    const sockets: { readonly closed: Promise<string> }[] = []
    await sessions.during(visitor, rotate, async () => sockets.push(await early.connect()))
    expect(sockets).toHaveLength(1)
    for (const socket of sockets) expect(await socket.closed).toBe('transport close')
  })

  it.each<[string, (session: AppSession, follow: () => void) => unknown]>([
    ['while its values are removed', (session, follow) => session.subscribe('user', (user) => user ?? follow())],
    ['while others are notified', (session, follow) => session.onEnd(follow)],
  ])('calls an onEnd listener once if added %s', async (_, listen) => {
    const { sessions, visitor, session } = await connect({ user: 'ann' })
    const ends: string[] = []
    listen(session, () => void session.onEnd((end) => ends.push(end)))
    await sessions.ask(visitor, signOut)
    expect(ends).toEqual(['destroyed'])
    session.onEnd((end) => ends.push(end))
    expect(ends).toEqual(['destroyed', 'destroyed'])
  })

  it.each<[string, Action, object]>([
    ['regenerated', ({ session }) => session.regenerate(), { cart: ['a'] }],
    ['destroyed', signOut, {}],
  ])('closes its connection after the response, and reconnects: %s', async (_, end, left) => {
    const { sessions, visitor, session } = await connect({ cart: ['a'] })
    const [conn] = [...sessions.app.io.sockets.sockets.values()].map((socket) => socket.conn)
    const closed = once(present(conn), 'close')
    const act: Action = async (ctx) => {
      await end(ctx)
      if (ctx['session'] === null) await sessions.app.live.sessionStore().destroy(sessionId(visitor), { ctx })
    }
    await sessions.during(visitor, act, async () => {
      expect(session.ended).toBe('destroyed')
      expect(conn?.readyState).toBe('open')
    })
    await closed
    expect((await sessions.connect(visitor))?.values() ?? {}).toEqual(left)
  })

  it('ends and reads as empty when the session expires', async () => {
    const { sessions, session } = await connect({ user: 'ann' }, { session: { maxAge: HOUR } })
    const closed = new Promise((resolve) => {
      for (const { conn } of sessions.app.io.sockets.sockets.values()) conn.once('close', resolve)
    })
    const events = follow(session)
    const ended = new Promise((resolve) => session.onEnd(resolve))
    sessions.app.clock.advance(HOUR + 60_000)
    expect(session.get('user')).toBeUndefined()
    expect(session.values()).toEqual({})
    await expect(session.set('user', 'bob')).rejects.toMatchObject({ code: 'superseded' })
    expect(await awaited('the end', ended)).toBe('expired')
    await awaited('the close of the connection', closed)
    expect(events).toEqual([['user', undefined, 'ann', 'job'], 'expired'])
  })

  it('leaves memory if the connection breaks during its handshake', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { options: { cache: { maxVisitors: 10 } } as never })
    const broken = new Promise((resolve) => {
      sessions.app.io.use(({ conn, session }) => {
        present(session).onChange(() => undefined)
        conn.once('close', resolve)
        visitor.leave()
      })
    })
    void visitor.connect().catch(() => undefined)
    await awaited('the close of the connection', broken)
    await sessions.flood()
    expect(await sessions.read(visitor)).toEqual({})
  })

  describe('of a disconnected socket, after memory evicted the session', () => {
    const start = (options: object = {}) =>
      SessionApp.start({
        session: { rolling: true, maxAge: DAY },
        options: { cache: { maxVisitors: 10 }, ...options } as never,
      })

    const add = (cart: unknown) => [...(Array.isArray(cart) ? cart : []), 'c']

    it('sets values and restores the session', async () => {
      const sessions = await start()
      const visitor = await sessions.withSession({ user: 'ann', cart: ['a'] })
      const session = await sessions.forgotten(visitor)
      const written = session.set('cart', ['b'])
      expect(session.values()).toEqual({ user: 'ann', cart: ['b'] })
      await written
      await session.update('cart', add)
      expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['b', 'c'] })
    })

    it('rejects changes to a destroyed or expired session', async () => {
      const sessions = await start()
      const visitor = await sessions.withSession({ user: 'ann' })
      const destroyed = await sessions.forgotten(visitor)
      await sessions.app.live.sessionStore().destroy(sessionId(visitor))
      expect(destroyed.ended).toBe('destroyed')
      await expect(destroyed.set('user', 'eve')).rejects.toMatchObject({ code: 'superseded' })
      const other = await sessions.withSession({ user: 'bob' })
      const expired = await sessions.forgotten(other)
      sessions.app.clock.advance(2 * DAY)
      await expect(expired.set('user', 'eve')).rejects.toMatchObject({ code: 'superseded' })
      for (const each of [visitor, other]) expect(await sessions.read(each)).toEqual({})
    })
  })

  it('serializes values as JSON, and refuses non-JSON values', async () => {
    const { session } = await connect({ user: 'ann' })
    await session.set('at', new Date(0) as never)
    await session.set('user', undefined as never)
    expect(session.values()).toEqual({ at: '1970-01-01T00:00:00.000Z' })
    await expect(session.set('count', 1n as never)).rejects.toMatchObject({ code: 'invalid_value', key: undefined })
    await expect(session.set('late', Promise.resolve(1) as never)).rejects.toThrow(TypeError)
    expect(session.values()).toEqual({ at: '1970-01-01T00:00:00.000Z' })
  })

  it.each([
    ['a text', 'Ann \u{1f600}'.slice(0, 5)],
    ['a member', [{ name: '\udc00' }]],
    ['a name', { '\ud800': 1 }],
  ])('refuses half a surrogate pair, and stores no other text: %s', async (_, value) => {
    const { sessions, visitor, session } = await connect({ user: 'ann' })
    const refused = await sessions.fetch(visitor, (ctx) => void Object.assign(ctx['session'], { hush: value }))
    expect([refused.status, await refused.text()]).toEqual([
      400,
      'koa-live-session: session: a value has a lone surrogate, too many levels or members; the cause of this error names the key',
    ])
    const cause = {
      message: 'the key "hush" of the session',
      cause: { message: expect.stringContaining('received a lone surrogate at $') },
    }
    await expect(session.set('hush', value as never)).rejects.toMatchObject({ code: 'invalid_value', cause })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
  })

  it('returns frozen values', async () => {
    const { session } = await connect({ cart: ['a'] })
    expect(() => (session.get('cart') as string[]).push('b')).toThrow('not extensible')
    expect(() => Object.assign(session.values(), { user: 'eve' })).toThrow()
  })
})
