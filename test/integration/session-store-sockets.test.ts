import { describe, expect, it } from '@jest/globals'
import type { AppSession } from 'koa-live-session'
import koaSession from 'koa-session'
import { App } from '../support/app/app.js'
import { identify } from '../support/app/auth.js'
import { awaited, once } from '../support/app/awaited.js'
import { fastTime } from '../support/app/fast-time.js'
import { present } from '../support/app/present.js'
import { type Action, begin, connect, SessionApp, sessionId, signOut } from '../support/app/sessions.js'
import { turn } from '../support/app/within.js'

fastTime(10)

const DAY = 24 * 60 * 60 * 1000

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
    const { sessions, session } = await connect({ user: 'ann' }, { session: { maxAge: DAY } })
    const closed = new Promise((resolve) => {
      for (const { conn } of sessions.app.io.sockets.sockets.values()) conn.once('close', resolve)
    })
    const events = follow(session)
    const ended = new Promise((resolve) => session.onEnd(resolve))
    sessions.app.clock.advance(DAY + 60_000)
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

  it('returns frozen values', async () => {
    const { session } = await connect({ cart: ['a'] })
    expect(() => (session.get('cart') as string[]).push('b')).toThrow('not extensible')
    expect(() => Object.assign(session.values(), { user: 'eve' })).toThrow()
  })
})
