import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { redisStore } from 'koa-live-session/redis'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { memoryStore, testClock } from 'koa-live-session/testing'
import type { Store, StoredRegister } from '../../server/types/store.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { startCluster } from '../support/app/cluster.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { bring, open, serveSignIn, signIn, TAKE, tokenFor } from '../support/app/hand-offs.js'
import { set, signedInAs, values } from '../support/app/users.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { describeWithSql } from '../support/servers/describe-with-sql.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'
import { connectNodeRedis } from '../support/servers/redis-clients.js'
import type { SqlPlace } from '../support/servers/sql-databases.js'

const HOUR = 60 * 60 * 1000
const clock = testClock()

const AHEAD = [
  ['the largest stamp', Number.MAX_SAFE_INTEGER],
  ['a stamp two hours ahead', clock.now() + 2 * HOUR],
] as const

/** Writes with `?set=3` or `?update=1`, and returns the value; `?user=` names the user. */
const routes: Koa.Middleware = async (ctx, next) => {
  const { set, update } = ctx.query
  const { liveSession } = ctx
  if (ctx.path !== '/') return signIn(ctx, next)
  const written = set
    ? await liveSession.set('division', Number(set))
    : update && (await liveSession.update('division', (division) => Number(division) + Number(update)))
  ctx.body = { level: written ? written.level : undefined, division: liveSession.get('division') }
}

let users = 0

/** Nodes of one store, with registers planted under a user's key. */
function nodes(store: Store) {
  users += 1
  const user = `ann ${users}`
  const options: AppOptions<AppFields>['options'] = {
    store,
    identify: (ctx) => ctx.query['user'] as string,
  }
  const start = (): Promise<App> => App.start({ clock, routes, options } as never)
  const plant = (
    stamp: number,
    row: Omit<StoredRegister, 'stamp'> = { key: 'division', value: 666 },
  ): Promise<unknown> => store.merge(`user:s:${user}`, [{ ...row, stamp }])
  const ask = async (visitor: { fetch(path: string): Promise<Response> }, query = ''): Promise<unknown> =>
    (await visitor.fetch(`/?user=${user}${query}`)).json()
  return { user, start, plant, ask, rows: () => store.load(`user:s:${user}`) }
}

function itHolds(store: () => Store): void {
  describe.each(AHEAD)('%s', (_, stamp) => {
    it('causes a warning, and is replaced by the next write', async () => {
      const { start, plant, ask, rows } = nodes(store())
      await plant(stamp)
      const app = await start()
      const visitor = app.visitor()
      expect(await ask(visitor)).toEqual({ division: -1 })
      expect(app.warnings.join()).toContain('ignored an invalid register of the store: division')
      expect(await ask(visitor, '&set=3')).toEqual({ level: 'store', division: 3 })
      expect(await rows()).toEqual([{ key: 'division', stamp: clock.now(), value: 3 }])
      expect(await ask((await start()).visitor())).toEqual({ division: 3 })
      expect(app.errors).toEqual([])
    })

    it('is replaced by the next update', async () => {
      const { start, plant, ask, rows } = nodes(store())
      await plant(stamp)
      const app = await start()
      expect(await ask(app.visitor(), '&update=5')).toEqual({ level: 'store', division: 4 })
      expect(await rows()).toMatchObject([{ key: 'division', stamp: clock.now(), value: 4 }])
    })

    it.each(['$epoch', '$generation'])('does not prevent an erasure as the stamp of %s', async (key) => {
      const { user, start, plant, ask, rows } = nodes(store())
      await plant(stamp, { key })
      const app = await start()
      await ask(app.visitor(), '&set=3')
      await app.live.erase(user)
      expect((await rows()).map((row) => row.key).sort()).toEqual(['$epoch', '$generation'])
      expect(await ask(app.visitor(), '&set=4')).toEqual({ level: 'store', division: 4 })
      expect(app.errors).toEqual([])
    })

    it('does not change browser ids or other users\u2019 hand-offs', async () => {
      const { start, plant, ask } = nodes(store())
      const app = await start()
      serveSignIn(app)
      const visitor = app.visitor()
      await ask(visitor, '&set=1')
      const { browser } = cookieContent(visitor)
      await plant(stamp)
      for (const value of [2, 3]) await ask(visitor, `&set=${value}`)
      const again = (await start()).visitor(visitor.cookie)
      for (const value of [4, 5]) expect(await ask(again, `&set=${value}`)).toEqual({ level: 'store', division: value })
      expect(cookieContent(again).browser).toBe(browser)
      const { visitor: other, socket } = await open(app)
      expect((await bring(other, await tokenFor(socket), {}, TAKE)).status).toBe(200)
      expect(app.errors).toEqual([])
    })
  })
}

function inSql(place: () => SqlPlace): void {
  let store: Store
  beforeAll(async () => {
    const db = place().connect()
    await migrateSqlStore(db)
    store = sqlStore(db, { clock: clock.now })
  })
  itHolds(() => store)
}

function inRedis(): void {
  let store: Store
  const ends: (() => Promise<void>)[] = []
  beforeAll(async () => {
    const server = await RedisServer.start()
    const { client, end } = await connectNodeRedis(server.path)
    ends.push(end, () => server.stop())
    store = redisStore(client)
  })
  afterAll(async () => {
    for (const end of ends) await end()
  })
  itHolds(() => store)
}

describe('threat 27: a stored register with an impossible stamp', () => {
  describe('in memoryStore', () => itHolds(() => memoryStore(clock.now)))
  describeWithSql('in sqlStore', inSql)
  describeWithServer(REDIS, 'in redisStore', inRedis)
})

const STAMP = 1_700_000_000_000

/** Registers of an older build, another program and an attacker. */
const ROWS: readonly unknown[] = [
  { key: 'cart', stamp: STAMP, value: 'what an older build had there' },
  { key: 'of another app', stamp: STAMP, value: { at: [1] } },
  { key: '__proto__', stamp: STAMP, value: { polluted: 1 } },
  { key: 'role', stamp: 'soon', value: 'admin' },
  { key: 'role', stamp: Number.MAX_SAFE_INTEGER + 1, value: 'admin' },
  { key: 'role', stamp: STAMP, value: Number.NaN },
  null,
  'row',
]

/** Adds these registers to every response of a store. */
function corrupt(store: Store): Store {
  const added = (rows: readonly StoredRegister[]): readonly StoredRegister[] => [
    ...(ROWS as readonly StoredRegister[]),
    ...rows,
  ]
  return {
    ...store,
    load: async (subject) => added(await store.load(subject)),
    merge: async (subject, registers) => added(await store.merge(subject, registers)),
  }
}

describe('threat 27: hostile and corrupt registers in a shared store', () => {
  it('are skipped with a warning; valid rows are loaded', async () => {
    const store = memoryStore()
    const { one, two } = await startCluster(() => ({ store: corrupt(store) }))
    const ann = await signedInAs(one)
    await set(ann, { division: 3 })
    const there = two.visitor(ann.cookie)
    expect(await values(there)).toMatchObject({ division: 3, cart: [], role: 'guest' })
    const socket = await there.connect()
    const { claims } = await socket.ticket()
    expect(claims.changes.map(([key]) => key)).toEqual(['division'])
    for (const _ of ROWS) await set(ann, { division: 4 })
    expect(await values(there)).toMatchObject({ division: 4, cart: [], role: 'guest' })
    const user = await two.live.user('ann')
    await user.update('role', (role) => `${role}!`)
    expect(user.get('role')).toBe('guest!')
    expect([...one.warnings, ...two.warnings].join()).toMatch('ignored an invalid register of the store')
    expect([Reflect.get({}, 'polluted'), one.errors, two.errors]).toEqual([undefined, [], []])
    expect(JSON.stringify(socket.tickets.map((each) => each.claims))).not.toMatch(/admin|older build|another app/)
  })
})
