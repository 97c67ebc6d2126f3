import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { redisStore } from 'koa-live-session/redis'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { type MemoryStore, memoryStore, testClock } from 'koa-live-session/testing'
import { sessionName } from '../../server/parts/session-store/session-content.js'
import type { Store } from '../../server/stores/store.js'
import { Bus } from '../support/app/bus.js'
import { Gate } from '../support/app/gate.js'
import { idleIntervals } from '../support/app/idle-intervals.js'
import { losingStore } from '../support/app/losing-store.js'
import { present } from '../support/app/present.js'
import { type Deed, SessionApp, sessionId, signOut } from '../support/app/sessions.js'
import { turn } from '../support/app/within.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { describeWithSql } from '../support/servers/describe-with-sql.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'
import { connectNodeRedis, type RedisConnection } from '../support/servers/redis-clients.js'
import type { TestDatabase } from '../support/servers/sql-databases.js'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

interface Shared {
  readonly store: Store
  readonly options?: object
  readonly bus?: Bus
}

/** Nodes that share a store, and a clock. */
function nodesOf(shared: () => Shared) {
  const clock = testClock()
  return {
    clock,
    async start(more: object = {}): Promise<SessionApp> {
      const { store, options, bus } = shared()
      const settings = { store, ...options, ...more }
      const sessions = await SessionApp.start({ clock, session: { maxAge: DAY }, options: settings as never })
      bus?.join(sessions.app.io)
      return sessions
    },
  }
}

/** A store that holds its next answer to a load, when it is told to. */
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

/** What holds with any store. */
function promises(store: () => Store): void {
  const nodes = () => nodesOf(() => ({ store: store() }))

  it('are there at another node when the answer is', async () => {
    const { start } = nodes()
    const [one, two] = [await start(), await start()]
    const visitor = await one.withSession({ user: 'ann' })
    const elsewhere = two.visitor(visitor.cookie)
    expect(await two.read(elsewhere)).toEqual({ user: 'ann' })
    await one.write(visitor, { user: 'bob' })
    expect(await two.read(elsewhere)).toEqual({ user: 'bob' })
  })

  it('keep what two nodes have changed at once under different keys', async () => {
    const { start } = nodes()
    const [one, two] = [await start(), await start()]
    const visitor = await one.withSession({ a: 0, b: 0 })
    const elsewhere = two.visitor(visitor.cookie)
    const change: Deed = (ctx) => Object.assign(ctx['session'], { b: 1 })
    expect((await two.during(elsewhere, change, () => one.write(visitor, { a: 1 }))).status).toBe(200)
    for (const each of [await one.read(visitor), await two.read(elsewhere)]) expect(each).toEqual({ a: 1, b: 1 })
  })

  it('are gone at another node, which has them in memory, when they were destroyed', async () => {
    const { start } = nodes()
    const [one, two] = [await start(), await start()]
    const visitor = await one.withSession({ user: 'ann' })
    const elsewhere = two.visitor(visitor.cookie)
    await two.read(elsewhere)
    await one.ask(visitor, signOut)
    expect(await two.read(elsewhere)).toEqual({})
  })

  it('do not come back by what a node saves that has not heard of the end, nor after a restart', async () => {
    const { start } = nodes()
    const [one, two] = [await start(), await start()]
    const visitor = await one.withSession({ user: 'ann' })
    const [before, name] = [visitor.cookie, sessionName(sessionId(visitor))]
    const change: Deed = (ctx) => Object.assign(ctx['session'], { cart: ['a'] })
    const late = await two.during(two.visitor(before), change, () => one.ask(visitor, signOut))
    expect(late.status).toBe(200)
    for (const node of [one, two, await start()]) {
      expect(await node.read(node.visitor(before))).toEqual({})
      await node.app.live.settled()
    }
    expect(await store().load(name)).toEqual([{ key: '$epoch', stamp: expect.any(Number) }])
  })

  it('count what sockets of two nodes add at once', async () => {
    const { start } = nodes()
    const [one, two] = [await start(), await start()]
    const visitor = await one.withSession({ count: 0 })
    const handles = [await one.session(visitor), await two.session(two.visitor(visitor.cookie))]
    const adds = Array.from({ length: 20 }, (_, at) =>
      present(handles[at % 2]).update('count', (count) => Number(count) + 1),
    )
    expect((await Promise.all(adds)).every((written) => written?.level === 'store')).toBe(true)
    expect(await one.read(visitor)).toEqual({ count: 20 })
  })

  it('outlive a restart, and memory that has forgotten them', async () => {
    const { start } = nodes()
    const one = await start({ cache: { maxSubjects: 10 } })
    const visitor = await one.withSession({ user: 'ann' })
    await one.flood()
    expect(await one.read(visitor)).toEqual({ user: 'ann' })
    await one.app.stop()
    const two = await start()
    expect(await two.read(two.visitor(visitor.cookie))).toEqual({ user: 'ann' })
  })
}

describe('sessions in a store', () => {
  let shared: MemoryStore
  const start = () => nodesOf(() => ({ store: shared }))
  beforeAll(() => {
    shared = memoryStore()
  })
  promises(() => shared)

  it.each([
    ['goes on', 2],
    ['was set back', -1000],
  ])(
    'tell a socket of what another node has changed, and of the end, where no adapter does, and the clock %s',
    async (_, ms) => {
      const nodes = start()
      const [one, two] = [await nodes.start({ storeRefresh: 1 }), await nodes.start({ storeRefresh: 1 })]
      const visitor = await one.withSession({ user: 'ann' })
      const far = await two.session(two.visitor(visitor.cookie))
      const changed = new Promise((resolve) => far.onChange(resolve))
      const ended = new Promise((resolve) => far.onEnd(resolve))
      await one.write(visitor, { user: 'bob' })
      nodes.clock.advance(ms)
      expect(await changed).toEqual({ key: 'user', value: 'bob', previous: 'ann', source: 'store' })
      await one.ask(visitor, signOut)
      nodes.clock.advance(ms)
      expect(await ended).toBe('destroyed')
    },
  )

  it('tell a socket at once where an adapter connects the nodes', async () => {
    const bus = new Bus()
    const nodes = nodesOf(() => ({ store: shared, bus }))
    const [one, two] = [await nodes.start(), await nodes.start()]
    const visitor = await one.withSession({ user: 'ann' })
    const far = await two.session(two.visitor(visitor.cookie))
    await one.write(visitor, { user: 'bob' })
    expect(far.get('user')).toBe('bob')
    await one.ask(visitor, signOut)
    expect(far.ended).toBe('destroyed')
  })

  it('are not taken for expired at a node that has not heard of their renewal', async () => {
    const nodes = start()
    const [one, two] = [await nodes.start({ storeRefresh: 10 * DAY }), await nodes.start({ storeRefresh: 10 * DAY })]
    const visitor = await one.withSession({ user: 'ann' })
    const far = await two.session(two.visitor(visitor.cookie))
    nodes.clock.advance(DAY - 1000)
    await one.ask(visitor, ({ session }) => session.save())
    const told: unknown[] = []
    far.onEnd((end) => told.push(end))
    const renewed = new Promise<void>((resolve) => far.onChange(() => resolve()))
    nodes.clock.advance(60_000)
    // The round asks the store, which brings this, too.
    await one.write(visitor, { user: 'bob' })
    await renewed
    expect(told).toEqual([])
    expect(far.get('user')).toBe('bob')
  })

  it('close no connection of one that ends while another request asks for it, until the answer is out', async () => {
    const { asked, held, store: slow } = slowStore(shared)
    const one = await nodesOf(() => ({ store: slow })).start()
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

  it('are as the store had them when a request came, though an older question to it is still open', async () => {
    const { asked, held, store: slow } = slowStore(shared)
    const [one, two] = [
      await nodesOf(() => ({ store: shared })).start(),
      await nodesOf(() => ({ store: slow })).start(),
    ]
    const visitor = await one.withSession({ user: 'ann' })
    const [store, id] = [two.app.live.sessionStore(), sessionId(visitor)]
    held.next = true
    const older = store.get(id)
    await asked.entered
    await one.ask(visitor, signOut)
    const newer = store.get(id)
    asked.open()
    await older
    expect(await newer).toBeUndefined()
  })

  it('refuse an update of a session that ends while the store is asked', async () => {
    const asked = new Gate()
    const compareAndSet: Store['compareAndSet'] = async (...given) => {
      await asked.pass()
      return shared.compareAndSet(...given)
    }
    const one = await nodesOf(() => ({ store: { ...shared, compareAndSet } })).start()
    const visitor = await one.withSession({ user: 'ann' })
    const session = await one.session(visitor)
    const refused = expect(session.update('count', () => 1)).rejects.toMatchObject({ code: 'superseded' })
    await asked.entered
    await one.app.live.sessionStore().destroy(sessionId(visitor))
    asked.open()
    await refused
  })

  it('let an update wait for a silent store, which makes it once', async () => {
    const store = losingStore()
    const one = await nodesOf(() => ({ store })).start({ storeTimeout: 20 })
    const visitor = await one.withSession({ count: 0 })
    const session = await one.session(visitor)
    const { load } = store
    store.fates.push('silent')
    store.load = () => new Promise(() => undefined)
    const updated = session.update('count', (count) => Number(count) + 1)
    expect(await session.set('name', 'ann')).toMatchObject({ stamp: expect.any(Number) })
    expect(session.get('count')).toBe(0)
    store.load = load
    expect(await updated).toMatchObject({ level: 'store' })
    expect(await one.read(visitor)).toEqual({ count: 1, name: 'ann' })
  })

  it('are stored by a node that has heard of a change, where the node that has made it could not', async () => {
    const bus = new Bus()
    let isLost = false
    const merge: Store['merge'] = (...given) => (isLost ? new Promise(() => undefined) : shared.merge(...given))
    const nodes = nodesOf(() => ({ store: shared, bus }))
    const one = await nodesOf(() => ({ store: { ...shared, merge }, bus, options: { storeTimeout: 1 } })).start()
    const two = await nodes.start()
    const visitor = await one.withSession({ user: 'ann' })
    await one.app.live.settled()
    const far = await two.session(two.visitor(visitor.cookie))
    isLost = true
    await one.write(visitor, { user: 'bob' })
    expect(far.get('user')).toBe('bob')
    await one.app.stop({ isCrash: true })
    await two.read(two.visitor(visitor.cookie))
    await two.app.live.settled()
    const three = await nodes.start()
    expect(await three.read(three.visitor(visitor.cookie))).toEqual({ user: 'bob' })
  })

  describe('with many keys that were deleted', () => {
    // A round of the other node would ask the store.
    idleIntervals()

    /** So many that they are let go of, and a node that has had some of them in memory and has not asked since. */
    async function deleted(store: Store) {
      const nodes = nodesOf(() => ({ store }))
      const [one, two] = [await nodes.start(), await nodes.start()]
      const visitor = await one.withSession({ user: 'ann', kept: 1 })
      const [near, far] = [await one.session(visitor), await two.session(two.visitor(visitor.cookie))]
      const tokens = Array.from({ length: 100 }, (_, at) => `token-${at}`)
      for (const token of tokens) await near.set(token, true)
      await one.app.live.settled()
      await two.read(two.visitor(visitor.cookie))
      nodes.clock.advance(HOUR)
      for (const token of tokens) await near.delete(token)
      nodes.clock.advance(HOUR)
      await one.write(visitor, { user: 'bob' })
      await one.app.live.settled()
      const rows = (await store.load(sessionName(sessionId(visitor)))).length
      return { nodes, one, two, visitor, far, rows }
    }

    it('let go of them, and no node brings one back that has it in memory: its sockets are told', async () => {
      const { two, visitor, far, rows, one } = await deleted(shared)
      expect(rows).toBe(5)
      expect(far.get('token-7')).toBe(true)
      const told = new Promise((resolve) => far.onChange(resolve))
      expect(await two.read(two.visitor(visitor.cookie))).toEqual({ user: 'bob', kept: 1 })
      await told
      expect(far.values()).toEqual({ user: 'bob', kept: 1 })
      await two.write(two.visitor(visitor.cookie), { user: 'cy' })
      await two.app.live.settled()
      expect(await shared.load(sessionName(sessionId(visitor)))).toHaveLength(5)
      expect(await one.read(visitor)).toEqual({ user: 'cy', kept: 1 })
    })

    it('are told again to a store that has lost them, with what they have now', async () => {
      const { one, visitor } = await deleted(shared)
      await shared.remove(sessionName(sessionId(visitor)))
      expect(await one.read(visitor)).toEqual({ user: 'bob', kept: 1 })
      await one.app.live.settled()
      expect(await shared.load(sessionName(sessionId(visitor)))).toHaveLength(5)
    })

    it('keep them where the store lets go of nothing', async () => {
      const { prune: _, ...store } = shared
      const { two, visitor, rows } = await deleted(store)
      expect(rows).toBe(105)
      expect(await two.read(two.visitor(visitor.cookie))).toEqual({ user: 'bob', kept: 1 })
    })
  })

  it('learn from the store, by their own write, that another node has written later', async () => {
    const nodes = nodesOf(() => ({ store: shared }))
    const [one, two] = [await nodes.start(), await nodesOf(() => ({ store: shared })).start()]
    const visitor = await one.withSession({ user: 'ann' })
    const [near, far] = [await one.session(visitor), await two.session(two.visitor(visitor.cookie))]
    nodes.clock.advance(60_000)
    await near.set('user', 'bob')
    await far.set('user', 'cy')
    expect(far.get('user')).toBe('bob')
  })

  it('have what the store was not told of yet, where memory has forgotten it', async () => {
    let isLost = false
    const merge: Store['merge'] = (...given) => (isLost ? new Promise(() => undefined) : shared.merge(...given))
    const options = { cache: { maxSubjects: 10 }, storeTimeout: 1 }
    const one = await nodesOf(() => ({ store: { ...shared, merge }, options })).start()
    const visitor = await one.withSession({ user: 'ann' })
    await one.app.live.settled()
    isLost = true
    await one.write(visitor, { user: 'bob' })
    await one.flood()
    expect(await one.read(visitor)).toEqual({ user: 'bob' })
    await one.app.stop({ isCrash: true })
  })

  describe('looked at in rounds', () => {
    const advance = idleIntervals()

    it('stay in memory for a socket that came while others were asked for, and memory had forgotten them', async () => {
      const rounds = new Gate()
      let isRound = false
      const load: Store['load'] = async (name) => {
        if (isRound) await rounds.pass()
        return shared.load(name)
      }
      const nodes = nodesOf(() => ({ store: { ...shared, load } }))
      const sessions = await nodes.start({ cache: { maxSubjects: 100, maxIdle: HOUR } })
      const store = sessions.app.live.sessionStore()
      for (let at = 0; at < 32; at += 1) await store.set(`expired-${at}`, {}, 1)
      const visitor = await sessions.withSession({ user: 'ann' })
      nodes.clock.advance(HOUR)
      isRound = true
      void advance(1000)
      await rounds.entered
      isRound = false
      await sessions.flood()
      await sessions.flood()
      const session = await sessions.session(visitor)
      rounds.open()
      for (let at = 0; at < 10; at += 1) await turn()
      const told: unknown[] = []
      session.onChange(({ key, value }) => told.push([key, value]))
      await sessions.write(visitor, { theme: 'dark' })
      expect(told).toEqual([['theme', 'dark']])
    })
  })

  it('leave the store when they have expired', async () => {
    const nodes = start()
    const one = await nodes.start()
    const visitor = await one.withSession({ user: 'ann' })
    const name = sessionName(sessionId(visitor))
    nodes.clock.advance(2 * DAY)
    expect(await one.read(visitor)).toEqual({})
    await one.app.live.settled()
    expect(await shared.load(name)).toEqual([])
  })

  it('make no half session of rows whose others were deleted', async () => {
    const nodes = start()
    const one = await nodes.start()
    const visitor = await one.withSession({ user: 'ann', admin: false })
    const name = sessionName(sessionId(visitor))
    const rest = (await shared.load(name)).filter(({ key }) => key === '.user')
    await shared.remove(name)
    await shared.merge(name, rest)
    const two = await nodes.start()
    expect(await two.read(two.visitor(visitor.cookie))).toEqual({})
  })

  it('write no row for a visitor who signs out without ever having had one', async () => {
    const own = memoryStore()
    const merged: string[] = []
    const watch: Store['merge'] = (name, rows) => {
      merged.push(name)
      return own.merge(name, rows)
    }
    const watched = { ...own, merge: watch }
    const one = await nodesOf(() => ({ store: watched })).start()
    await one.ask(one.visitor(), signOut)
    await one.app.live.settled()
    expect(merged).toEqual([])
  })

  describe('that does not answer', () => {
    const failing = async () => {
      const own = memoryStore()
      const nodes = nodesOf(() => ({ store: own, options: { storeTimeout: 20, onError: () => undefined } }))
      return { own, one: await nodes.start(), two: await nodes.start() }
    }

    it('go on where a node has them in memory, and are stored when it answers again', async () => {
      const { own, one, two } = await failing()
      const visitor = await one.withSession({ user: 'ann' })
      own.fail(Number.POSITIVE_INFINITY)
      await one.write(visitor, { cart: ['a'] })
      expect(await one.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
      own.fail(0)
      await one.app.live.settled()
      expect(await two.read(two.visitor(visitor.cookie))).toEqual({ user: 'ann', cart: ['a'] })
    })

    it('answer 503 rather than take a visitor for one who has none', async () => {
      const { own, one, two } = await failing()
      const visitor = await one.withSession({ user: 'ann' })
      const elsewhere = two.visitor(visitor.cookie)
      own.fail(Number.POSITIVE_INFINITY)
      for (const _ of [1, 2]) expect((await two.fetch(elsewhere, ({ session }) => session.user)).status).toBe(503)
      expect(elsewhere.cookie).toBe(visitor.cookie)
      // As after any broken connection: the browser comes back by itself.
      await expect(elsewhere.connect()).rejects.toThrow('transport close')
      own.fail(0)
      await two.app.live.settled()
      expect(await two.read(elsewhere)).toEqual({ user: 'ann' })
    })

    it('begin in memory, and end there', async () => {
      const { own, one, two } = await failing()
      own.fail(Number.POSITIVE_INFINITY)
      const [visitor, other] = [await one.withSession({ user: 'ann' }), await one.withSession({ user: 'bob' })]
      const before = other.cookie
      await one.ask(other, signOut)
      expect(await one.read(visitor)).toEqual({ user: 'ann' })
      expect(await one.read(one.visitor(before))).toEqual({})
      own.fail(0)
      await one.app.live.settled()
      expect(await two.read(two.visitor(visitor.cookie))).toEqual({ user: 'ann' })
      expect(await two.read(two.visitor(before))).toEqual({})
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
