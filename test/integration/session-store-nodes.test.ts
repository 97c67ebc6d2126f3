import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { redisStore } from 'koa-live-session/redis'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { sessionName } from '../../server/features/session-store/session-content.js'
import type { Store } from '../../server/types/store.js'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { awaited, once } from '../support/app/awaited.js'
import { Bus } from '../support/app/bus.js'
import { fastTime } from '../support/app/fast-time.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import { type Action, SessionApp, sessionId, signOut } from '../support/app/sessions.js'
import { DAY, HOUR } from '../support/app/times.js'
import { turns } from '../support/app/within.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { describeWithSql } from '../support/servers/describe-with-sql.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'
import { connectNodeRedis, type RedisConnection } from '../support/servers/redis-clients.js'
import type { TestDatabase } from '../support/servers/sql-databases.js'

fastTime(10)

/** The ids of the sender's keys. */
const KIDS = [expect.stringMatching(/^[\w-]{8}$/)]

interface Shared {
  readonly store?: Store
  readonly bus?: Bus
  readonly rolling?: boolean
  /** ms of a session. With a day, a recheck closes the connection before the session ends. */
  readonly maxAge?: number
  /** Options of each node. */
  readonly options?: object
}

/** Nodes with a common clock, store and adapter. */
function nodesOf({ store, bus, rolling = false, maxAge = DAY, options }: Shared) {
  const clock = testClock()
  const start = async (more: object = {}): Promise<SessionApp> => {
    const settings = { ...(store && { store }), ...options, ...more }
    const sessions = await SessionApp.start({ clock, session: { maxAge, rolling }, options: settings as never })
    bus?.join(sessions.app.io)
    return sessions
  }
  return { clock, start }
}

/** Two such nodes, and a visitor with a session at both. */
async function two(shared: Shared, values: Record<string, unknown> = { user: 'ann' }) {
  const { clock, start } = nodesOf(shared)
  const [one, two] = [await start(), await start()]
  const visitor = await one.withSession(values)
  const { cookie } = visitor
  return { clock, start, one, two, visitor, cookie, elsewhere: two.visitor(cookie) }
}

/** Resolves when all connections of a node close. */
function allClosed({ app }: SessionApp): Promise<unknown> {
  const connections = Array.from(app.io.sockets.sockets.values(), ({ conn }) => conn)
  return Promise.all(connections.map((conn) => once(conn, 'close')))
}

const addToCart: Action = (ctx) => Object.assign(ctx['session'], { cart: ['a'] })

/** The tests of sessions for each kind of store. */
function promises(store: () => Store): void {
  const begin = (values?: Record<string, unknown>) => two({ store: store() }, values)

  it('are up to date at another node once the response has arrived', async () => {
    const { one, two, visitor, elsewhere } = await begin()
    expect(await two.read(elsewhere)).toEqual({ user: 'ann' })
    await one.write(visitor, { user: 'bob' })
    expect(await two.read(elsewhere)).toEqual({ user: 'bob' })
  })

  it('merge concurrent changes of two nodes to different keys', async () => {
    const { one, two, visitor, elsewhere } = await begin({ a: 0, b: 0 })
    const change: Action = (ctx) => Object.assign(ctx['session'], { b: 1 })
    expect((await two.during(elsewhere, change, () => one.write(visitor, { a: 1 }))).status).toBe(200)
    for (const each of [await one.read(visitor), await two.read(elsewhere)]) expect(each).toEqual({ a: 1, b: 1 })
  })

  it('end at another node that has them in memory', async () => {
    const { one, two, visitor, elsewhere } = await begin()
    await two.read(elsewhere)
    await one.ask(visitor, signOut)
    expect(await two.read(elsewhere)).toEqual({})
  })

  it('stay ended despite a late save elsewhere, and after a restart', async () => {
    const { start, one, two, visitor, cookie, elsewhere } = await begin()
    const name = sessionName(sessionId(visitor))
    const late = await two.during(elsewhere, addToCart, () => one.ask(visitor, signOut))
    expect(late.status).toBe(200)
    for (const node of [one, two, await start()]) {
      expect(await node.read(node.visitor(cookie))).toEqual({})
      await node.app.live.settled()
    }
    expect(await store().load(name)).toEqual([{ key: '$epoch', stamp: expect.any(Number) }])
  })

  it("apply all concurrent updates of two nodes' sockets", async () => {
    const { one, two, visitor, elsewhere } = await begin({ count: 0 })
    const handles = [await one.session(visitor), await two.session(elsewhere)]
    const adds = Array.from({ length: 20 }, (_, at) =>
      present(handles[at % 2]).update('count', (count) => Number(count) + 1),
    )
    expect((await Promise.all(adds)).every((written) => written?.level === 'store')).toBe(true)
    expect(await one.read(visitor)).toEqual({ count: 20 })
  })

  it('outlive a restart and eviction', async () => {
    const { start } = nodesOf({ store: store(), options: { cache: { maxVisitors: 10 } } })
    const one = await start()
    const visitor = await one.withSession({ user: 'ann' })
    await one.flood()
    expect(await one.read(visitor)).toEqual({ user: 'ann' })
    await one.app.stop()
    const next = await start()
    expect(await next.read(next.visitor(visitor.cookie))).toEqual({ user: 'ann' })
  })
}

/** A store that holds its next answer to a load if `held.next` is set. */
function slowStore(store: Store) {
  const [asked, held] = [new Gate(), { next: false }]
  const load: Store['load'] = async (name) => {
    const rows = await store.load(name)
    if (held.next) {
      held.next = false
      await asked.pass()
    }
    return rows
  }
  return { asked, held, store: { ...store, load } }
}

describe('sessions in a store', () => {
  const shared = memoryStore()
  promises(() => shared)

  it.each([
    ['advances', 0],
    ['was set back', -2000],
  ])('notify a socket of changes and ends elsewhere; the clock %s', async (_, ms) => {
    const { clock, one, two: far, visitor, elsewhere } = await two({ store: shared, options: { storeRefresh: 1 } })
    const session = await far.session(elsewhere)
    const changed = new Promise((resolve) => session.onChange(resolve))
    const ended = new Promise((resolve) => session.onEnd(resolve))
    const refresh = (): void => {
      clock.advance(ms)
      clock.advance(1000)
    }
    await one.write(visitor, { user: 'bob' })
    refresh()
    expect(await awaited('the change', changed)).toEqual({
      key: 'user',
      value: 'bob',
      previous: 'ann',
      source: 'store',
    })
    await one.ask(visitor, signOut)
    refresh()
    expect(await awaited('the end', ended)).toBe('destroyed')
  })

  it('survive at a node that missed their renewal', async () => {
    const options = { storeRefresh: DAY }
    const { clock, one, two: other, visitor, elsewhere } = await two({ store: shared, maxAge: HOUR, options })
    const far = await other.session(elsewhere)
    clock.advance(HOUR - 1000)
    await one.ask(visitor, ({ session }) => session.save())
    const ends: unknown[] = []
    far.onEnd((end) => ends.push(end))
    const renewed = new Promise<void>((resolve) => far.onChange(() => resolve()))
    await one.write(visitor, { user: 'bob' })
    // A response waits for the store at most `storeTimeout`.
    await one.app.live.settled()
    // The periodic refresh finds the session expired, and loads the write and the renewal from the store.
    clock.advance(60_000)
    await awaited('the renewal', renewed)
    expect(ends).toEqual([])
    expect(far.get('user')).toBe('bob')
  })

  it('keep connections open until the response that ends the session', async () => {
    const { asked, held, store: slow } = slowStore(shared)
    const one = await nodesOf({ store: slow }).start()
    const visitor = await one.withSession({ user: 'ann' })
    const [store, id] = [one.app.live.sessionStore(), sessionId(visitor)]
    await one.session(visitor)
    const [conn] = [...one.app.io.sockets.sockets.values()].map((socket) => socket.conn)
    const states = await one.ask(visitor, async (ctx) => {
      held.next = true
      const other = store.get(id)
      await asked.entered
      await store.destroy(id, { ctx })
      asked.open()
      return [(await other) ?? 'none', conn?.readyState]
    })
    expect(states).toEqual(['none', 'open'])
  })

  it('are loaded again for a request that begins during a load', async () => {
    const { asked, held, store: slow } = slowStore(shared)
    const [one, other] = [await nodesOf({ store: shared }).start(), await nodesOf({ store: slow }).start()]
    const visitor = await one.withSession({ user: 'ann' })
    const [store, id] = [other.app.live.sessionStore(), sessionId(visitor)]
    held.next = true
    const older = store.get(id)
    await asked.entered
    await one.ask(visitor, signOut)
    const newer = store.get(id)
    asked.open()
    await older
    expect(await newer).toBeUndefined()
  })

  it('reject an update if the session ends meanwhile', async () => {
    const asked = new Gate()
    const compareAndSet: Store['compareAndSet'] = async (...given) => {
      await asked.pass()
      return shared.compareAndSet(...given)
    }
    const one = await nodesOf({ store: { ...shared, compareAndSet } }).start()
    const visitor = await one.withSession({ user: 'ann' })
    const session = await one.session(visitor)
    const refused = expect(session.update('count', () => 1)).rejects.toMatchObject({ code: 'superseded' })
    await asked.entered
    await one.app.live.sessionStore().destroy(sessionId(visitor))
    asked.open()
    await refused
  })

  describe('with many deleted keys', () => {
    const { prune: _, ...unpruned } = shared
    it.each<[string, Store, number]>([
      ['prune them and notify sockets', shared, 5],
      ['keep them without prune', unpruned, 105],
    ])('%s', async (__, store, count) => {
      const values = { user: 'ann', kept: 1 }
      const clock = testClock()
      // With timers, the other node's recheck or periodic refresh would load the session.
      const idle = Object.assign(() => clock.now(), { after: () => () => undefined })
      const options = { clock: idle, storeRefresh: DAY }
      const { one, two: other, visitor, elsewhere } = await two({ store, options }, values)
      const [near, far] = [await one.session(visitor), await other.session(elsewhere)]
      const tokens = Array.from({ length: 100 }, (_, at) => `token-${at}`)
      const rows = () => store.load(sessionName(sessionId(visitor)))
      for (const token of tokens) await near.set(token, true)
      await one.app.live.settled()
      await other.read(elsewhere)
      clock.advance(HOUR)
      for (const token of tokens) await near.delete(token)
      clock.advance(HOUR)
      await one.write(visitor, { user: 'bob' })
      await one.app.live.settled()
      expect(await rows()).toHaveLength(count)
      expect(far.get('token-7')).toBe(true)
      const changed = new Promise((resolve) => far.onChange(resolve))
      expect(await other.read(elsewhere)).toEqual({ user: 'bob', kept: 1 })
      await awaited('the change', changed)
      expect(far.values()).toEqual({ user: 'bob', kept: 1 })
      await other.write(elsewhere, { user: 'cy' })
      await other.app.live.settled()
      expect(await rows()).toHaveLength(count)
      expect(await one.read(visitor)).toEqual({ user: 'cy', kept: 1 })
    })
  })

  it('restore all rows of a store that lost them', async () => {
    const { clock, one, visitor } = await two({ store: shared })
    const name = sessionName(sessionId(visitor))
    clock.advance(HOUR)
    await shared.remove(name)
    expect(await one.read(visitor)).toEqual({ user: 'ann' })
    await one.app.live.settled()
    expect(await shared.load(name)).toHaveLength(4)
  })

  describe('during a periodic refresh', () => {
    it('keep notifying a socket of an evicted session', async () => {
      const gate = new Gate()
      let isRound = false
      const load: Store['load'] = async (name) => {
        if (isRound) await gate.pass()
        return shared.load(name)
      }
      const options = { cache: { maxVisitors: 100, maxIdle: HOUR } }
      const { clock, start } = nodesOf({ store: { ...shared, load }, options })
      const sessions = await start()
      // A refresh loads this many sessions at once, so the visitor's session comes afterwards.
      for (let at = 0; at < 32; at += 1) await sessions.app.live.sessionStore().set(`expired-${at}`, {}, 1)
      const visitor = await sessions.withSession({ user: 'ann' })
      isRound = true
      clock.advance(HOUR)
      await gate.entered
      isRound = false
      for (const _ of [1, 2]) await sessions.flood()
      const session = await sessions.session(visitor)
      gate.open()
      await turns(10)
      const changes: unknown[] = []
      session.onChange(({ key, value }) => changes.push([key, value]))
      await sessions.write(visitor, { theme: 'dark' })
      expect(changes).toEqual([['theme', 'dark']])
    })
  })

  it('leave the store after they expire', async () => {
    const { clock, start } = nodesOf({ store: shared })
    const one = await start()
    const visitor = await one.withSession({ user: 'ann' })
    const name = sessionName(sessionId(visitor))
    clock.advance(2 * DAY)
    expect(await one.read(visitor)).toEqual({})
    await one.app.live.settled()
    expect(await shared.load(name)).toEqual([])
  })

  it('read as empty if the store has lost a row', async () => {
    const { start } = nodesOf({ store: shared })
    const visitor = await (await start()).withSession({ user: 'ann', admin: false })
    const name = sessionName(sessionId(visitor))
    const rest = (await shared.load(name)).filter(({ key }) => key === '.user')
    await shared.remove(name)
    await shared.merge(name, rest)
    const next = await start()
    expect(await next.read(next.visitor(visitor.cookie))).toEqual({})
  })

  it('write no row for a sign-out without a session', async () => {
    const own = memoryStore()
    const merge = jest.spyOn(own, 'merge')
    const one = await nodesOf({ store: own }).start()
    await one.ask(one.visitor(), signOut)
    await one.app.live.settled()
    expect(merge).not.toHaveBeenCalled()
  })

  describe('while the store is down', () => {
    const failing = async () => {
      const own = memoryStore()
      return { own, ...(await two({ store: own, options: { storeTimeout: 20, onError: () => undefined } })) }
    }

    it('answer 503 if the process does not know the session', async () => {
      const { own, two: other, visitor, elsewhere } = await failing()
      own.fail(Number.POSITIVE_INFINITY)
      for (const _ of [1, 2]) expect((await other.fetch(elsewhere, ({ session }) => session.user)).status).toBe(503)
      expect(elsewhere.cookie).toBe(visitor.cookie)
      // As after any broken connection, the browser reconnects by itself.
      await expect(elsewhere.connect()).rejects.toThrow('transport close')
      own.fail(0)
      await other.app.live.settled()
      expect(await other.read(elsewhere)).toEqual({ user: 'ann' })
    })

    it('end even if memory has evicted them', async () => {
      const own = memoryStore()
      const options = { storeTimeout: 50, cache: { maxVisitors: 10 }, onError: () => undefined }
      const { one, visitor, cookie } = await two({ store: own, options })
      const fail = async (): Promise<void> => {
        await one.flood()
        own.fail(Number.POSITIVE_INFINITY)
      }
      const { status } = await one.during(visitor, () => undefined, fail, signOut)
      expect(status).toBe(200)
      own.fail(0)
      await one.app.live.settled()
      expect(await one.read(one.visitor(cookie))).toEqual({})
    })

    it('begin and end in memory, and are stored afterwards', async () => {
      const { own, one, two: other } = await failing()
      own.fail(Number.POSITIVE_INFINITY)
      const [visitor, leaving] = [await one.withSession({ user: 'ann' }), await one.withSession({ user: 'bob' })]
      const before = leaving.cookie
      await one.ask(leaving, signOut)
      expect(await one.read(visitor)).toEqual({ user: 'ann' })
      expect(await one.read(one.visitor(before))).toEqual({})
      own.fail(0)
      await one.app.live.settled()
      expect(await other.read(other.visitor(visitor.cookie))).toEqual({ user: 'ann' })
      expect(await other.read(other.visitor(before))).toEqual({})
    })
  })
})

describeWithServer(REDIS, 'sessions in Redis', () => {
  let server: RedisServer
  let connection: RedisConnection
  beforeAll(async () => {
    server = await RedisServer.start()
    connection = await connectNodeRedis(server.path)
  })
  afterAll(async () => {
    await connection.end()
    await server.stop()
  })
  promises(() => redisStore(connection.client))
})

describeWithSql('sessions in SQL', (place) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = place().connect()
    await migrateSqlStore(database)
  })
  promises(() => sqlStore(database))
})

describe('sessions of nodes with an adapter, without a store', () => {
  async function cluster(given: Shared = {}) {
    const bus = new Bus()
    return { bus, ...(await two({ bus, rolling: true, ...given })) }
  }

  it('broadcast a message per save, without the session id', async () => {
    const { bus, one, visitor } = await cluster()
    const name = expect.stringMatching(/^session:[\w-]{43}$/)
    const at = expect.any(Number)
    const born = [
      ['.user', at, 'ann'],
      ['$born', at, null],
      ['$maxAge', at, DAY],
      ['$renewed', at, null],
    ]
    expect(bus.messages).toEqual([['live_session:merge', name, born, null, KIDS]])
    expect(JSON.stringify(bus.messages)).not.toContain(sessionId(visitor))
    await one.write(visitor, { theme: 'dark' })
    const saved = [
      ['.theme', at, 'dark'],
      ['$renewed', at, null],
    ]
    expect(bus.messages[1]).toEqual(['live_session:merge', name, saved, null, KIDS])
  })

  it('notify sockets of another node of changes', async () => {
    const { one, two: other, visitor, elsewhere } = await cluster()
    const [near, far] = [await one.session(visitor), await other.session(elsewhere)]
    const changes: unknown[] = []
    far.onChange(({ key, value, source }) => changes.push([key, value, source]))
    await one.write(visitor, { theme: 'dark' })
    await near.set('cart', ['a'])
    await near.delete('theme')
    expect(changes).toEqual([
      ['theme', 'dark', 'node'],
      ['cart', ['a'], 'node'],
      ['theme', undefined, 'node'],
    ])
    await far.set('user', 'bob')
    expect(near.get('user')).toBe('bob')
    expect(await one.read(visitor)).toEqual({ user: 'bob', cart: ['a'] })
  })

  it('stay unknown to a node that starts later', async () => {
    const { start, one, visitor, cookie } = await cluster()
    const late = await start()
    await one.write(visitor, { theme: 'dark' })
    expect([...appSessionsOf(late.app.live).all()]).toEqual([])
    expect(await late.read(late.visitor(cookie))).toEqual({})
    expect(await one.read(visitor)).toEqual({ user: 'ann', theme: 'dark' })
  })

  it('end at every node immediately, despite a late save', async () => {
    const { one, two: other, visitor, cookie, elsewhere } = await cluster()
    const session = await other.session(elsewhere)
    const late = await other.during(elsewhere, addToCart, async () => {
      const closed = allClosed(other)
      await one.ask(visitor, signOut)
      expect(session.ended).toBe('destroyed')
      await closed
    })
    expect(late.status).toBe(200)
    for (const node of [one, other]) expect(await node.read(node.visitor(cookie))).toEqual({})
  })

  it('close their connections even if the last message is lost', async () => {
    const { bus, one, two: other, visitor, elsewhere } = await cluster()
    const session = await other.session(elsewhere)
    const [conn] = [...other.app.io.sockets.sockets.values()].map((socket) => socket.conn)
    const closed = allClosed(other)
    session.onEnd(() => {
      bus.isCut = true
    })
    const timers = jest.spyOn(globalThis, 'setTimeout')
    await one.ask(visitor, signOut)
    const [close] = timers.mock.calls.find(([, ms]) => ms === 30_000) ?? []
    timers.mockRestore()
    expect([session.ended, conn?.readyState]).toEqual(['destroyed', 'open'])
    close?.()
    await closed
  })

  it('stay ended when an earlier message arrives late', async () => {
    const { bus, one, two: other, visitor, cookie, elsewhere } = await cluster()
    bus.isHeld = true
    await other.write(elsewhere, { cart: ['a'] })
    await one.ask(visitor, signOut)
    bus.isHeld = false
    for (const node of [one, other]) expect(await node.read(node.visitor(cookie))).toEqual({})
  })

  it("if evicted during a request, keep another node's write", async () => {
    const { clock, start, two: other } = await cluster()
    const one = await start({ cache: { maxVisitors: 10 } })
    const visitor = await one.withSession({ cart: ['a'], step: 0 })
    const far = await other.session(other.visitor(visitor.cookie))
    const step: Action = ({ session }) => Object.assign(session, { step: 1 })
    const slow = await one.during(visitor, step, async () => {
      await one.flood()
      await far.set('cart', ['a', 'b'])
      clock.advance(1000)
    })
    expect(slow.status).toBe(200)
    expect(far.values()).toEqual({ cart: ['a', 'b'], step: 1 })
  })

  it('expire everywhere by their newest renewal', async () => {
    const { clock, one, two: other, visitor, elsewhere } = await cluster({ maxAge: HOUR })
    const far = await other.session(elsewhere)
    clock.advance(HOUR - 1000)
    await one.read(visitor)
    clock.advance(HOUR - 1000)
    expect(far.get('user')).toBe('ann')
    const ended = new Promise((resolve) => far.onEnd(resolve))
    clock.advance(60_000)
    expect(await awaited('the end', ended)).toBe('expired')
  })

  it('ignore malformed messages', async () => {
    const { bus, one, two: other, visitor, elsewhere } = await cluster()
    const name = bus.messages[0]?.[1]
    const bad: unknown[] = [
      [['.user']],
      [['.user', 'x', 1]],
      [['.user', 1e300, 1]],
      'x',
      [null],
      [['.__proto__', Date.now() * 2, { a: 1 }]],
      [['._maxAge', Date.now() * 2, 1]],
      [['.toJSON', Date.now() * 2, 1]],
      [['$renewed', -1, null]],
    ]
    for (const registers of bad) other.app.io.serverSideEmit('live_session:merge', name, registers)
    expect(await one.read(visitor)).toEqual({ user: 'ann' })
    expect(await other.read(elsewhere)).toEqual({ user: 'ann' })
    expect({}).not.toHaveProperty('a')
  })
})
