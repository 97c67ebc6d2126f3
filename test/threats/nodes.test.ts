import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields, type Fields } from 'koa-live-session/fields'
import { redisStore } from 'koa-live-session/redis'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { cookieFor, emptyCache, memoryStore, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import type { Store, StoredRegister } from '../../server/types/store.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { account } from '../support/app/auth.js'
import { Bus } from '../support/app/bus.js'
import { startCluster } from '../support/app/cluster.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { appOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { bring, open, serveSignIn, signIn, TAKE, tokenFor } from '../support/app/hand-offs.js'
import { HOUR } from '../support/app/times.js'
import { set, signedInAs, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { describeWithSql } from '../support/servers/describe-with-sql.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'
import { connectNodeRedis } from '../support/servers/redis-clients.js'
import type { SqlPlace } from '../support/servers/sql-databases.js'

describe('threat 9: another node during a slow sign-out', () => {
  it('finally disconnects a socket that has only the app’s session', async () => {
    const gate = new Gate()
    const { one, two } = await startCluster(undefined, async (ctx, next) => {
      await account(ctx, next)
      if (ctx.path === '/logout/leave') await gate.pass()
    })
    const ann = await signedInAs(one)
    const session = appOnly(ann.cookie)
    const leaving = ann.fetch('/logout/leave')
    await gate.entered
    const socket = await two.visitor(session.join('; ')).connect()
    gate.open()
    await leaving
    const change = socket.change('division', 66).then(() => 'taken')
    expect(await Promise.race([socket.closed, change])).not.toBe('taken')
    expect((await two.live.user('ann')).get('division')).toBe(-1)
  })
})

describe('threat 95: two apps with the same adapter', () => {
  const [FORMER, NEW, OTHER] = ['former', 'new', 'other'].map((name) => `${name} secret of at least thirty-two bytes`)

  async function start(...secrets: (readonly (string | undefined)[])[]): Promise<App[]> {
    const bus = new Bus()
    return Promise.all(
      secrets.map(async (keys) => {
        const app = await App.start({ keys: keys.map(String), options: { identify: () => 'ann' } as never })
        bus.join(app.io)
        return app
      }),
    )
  }
  const warningsOf = ({ warnings }: App): readonly string[] => warnings.filter((text) => text.includes('another app'))
  const divisionOf = async ({ live }: App): Promise<unknown> => (await live.user('ann')).get('division')

  it('ignore each other\u2019s messages, with a warning', async () => {
    const [one, two] = (await start([NEW], [OTHER])) as [App, App]
    await (await two.live.user('ann')).set('division', 3)
    const socket = await two.visitor(cookieFor(two.live, { userId: 'ann' })).connect()
    for (const division of [66, 67]) await (await one.live.user('ann')).set('division', division)
    await one.live.revoke('ann')
    expect(await divisionOf(two)).toBe(3)
    expect(await socket.change('division', 4)).toHaveProperty('stamp')
    const text =
      'koa-live-session: ignored a live_session:merge message of another app, whose secrets this process does not have. Processes of ' +
      'one app share their secrets; give each app a prefix of its own in the adapter: node_modules/koa-live-session/docs/troubleshooting.md#messages-of-another-app'
    // Each app has warned once, and both log to this console.
    expect(warningsOf(two)).toEqual([text, text])
  })

  it('accept each other’s messages while secrets rotate', async () => {
    const [one, two] = (await start([FORMER], [NEW, FORMER])) as [App, App]
    await (await one.live.user('ann')).set('division', 3)
    expect(await divisionOf(two)).toBe(3)
    await (await two.live.user('ann')).set('division', 4)
    expect(await divisionOf(one)).toBe(4)
    expect([...warningsOf(one), ...warningsOf(two)]).toEqual([])
  })
})

const shared = {
  division: { schema: z.number().int(), default: -1, client: 'write' },
  cart: { schema: z.array(z.string()), default: [], client: 'write' },
} as const
const text = { schema: z.string(), default: 'none', client: 'write' } as const
const oldFields = defineFields({ ...shared, legacy: text, range: { schema: z.number(), default: -1, client: 'write' } })
const newFields = defineFields({
  ...shared,
  filter: text,
  range: { schema: z.union([z.number(), z.enum(['all'])]), default: -1, client: 'write' },
})

/** The header names the user; the query says which values to set, delete and return. */
const route: Koa.Middleware = async (ctx) => {
  const { liveSession, query } = ctx
  if (query['set'] !== undefined) await liveSession.setMany(JSON.parse(String(query['set'])))
  if (query['delete'] !== undefined) await liveSession.delete(String(query['delete']))
  ctx.body = JSON.parse(String(query['keys'] ?? '[]')).map((key: string) => [key, liveSession.get(key)])
}

interface Builds {
  readonly old: App<Fields>
  readonly new: App<Fields>
}

/** Starts two builds of an app with the same secrets and clock. */
async function deploy(declared: { readonly old: Fields; readonly new: Fields }, bus?: Bus): Promise<Builds> {
  const clock = testClock()
  const start = async (fields: Fields): Promise<App<Fields>> => {
    const identify = (ctx: Koa.Context): string | undefined => ctx.get('x-user') || undefined
    const app = await App.start<Fields>({
      fields,
      clock,
      routes: route,
      options: { identify },
      attach: { handshake: [] },
    })
    bus?.join(app.io)
    return app
  }
  return { old: await start(declared.old), new: await start(declared.new) }
}

interface Asked {
  readonly user?: string | undefined
  readonly set?: object
  readonly delete?: string
  readonly keys?: readonly string[]
}

/** Sends a request to a build. */
async function ask(visitor: Visitor, { url }: App<Fields>, asked: Asked): Promise<Record<string, unknown>> {
  const query = new URLSearchParams({ keys: JSON.stringify(asked.keys ?? []) })
  if (asked.set) query.set('set', JSON.stringify(asked.set))
  if (asked.delete !== undefined) query.set('delete', asked.delete)
  const headers: Record<string, string> = asked.user === undefined ? {} : { 'x-user': asked.user }
  const answer = await visitor.fetch(`${url}/?${query}`, { headers })
  expect(answer.status).toBe(200)
  return Object.fromEntries(await answer.json())
}

describe('threat 35: a rolling deploy', () => {
  it('relays both builds\u2019 writes through an adapter alone', async () => {
    const builds = await deploy({ old: oldFields, new: newFields }, new Bus())
    const [one, two] = [await builds.old.live.user('ann'), await builds.new.live.user('ann')]
    await two.set('filter' as never, 'boats' as never)
    await two.set('range' as never, 'all' as never)
    await one.set('division' as never, 5 as never)
    expect([one.get('range'), one.get('division'), two.get('division')]).toEqual([-1, 5, 5])
    expect(one.inspect().get('range')?.value).toBe('all')
  })

  it('keeps values unknown to one build after a sign-in moved them', async () => {
    const builds = await deploy({ old: oldFields, new: newFields })
    const visitor = builds.old.visitor()
    await ask(visitor, builds.new, { set: { filter: 'boats' } })
    expect(await ask(visitor, builds.new, { user: 'ann', keys: ['filter'] })).toEqual({ filter: 'boats' })
    await ask(visitor, builds.old, { user: 'ann', set: { division: 5 } })
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { user: 'ann', keys: ['filter'] })).toEqual({ filter: 'boats' })
  })

  it('keeps a value that the other build rejects', async () => {
    const builds = await deploy({ old: oldFields, new: newFields })
    const visitor = builds.old.visitor()
    await ask(visitor, builds.new, { set: { range: 'all' } })
    expect(await ask(visitor, builds.old, { keys: ['range'], set: { division: 1 } })).toEqual({ range: -1 })
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { keys: ['range', 'division'] })).toEqual({ range: 'all', division: 1 })
  })

  it('does not restore a deleted value', async () => {
    const builds = await deploy({ old: oldFields, new: newFields })
    const visitor = builds.old.visitor()
    await ask(visitor, builds.new, { set: { filter: 'x' } })
    await ask(visitor, builds.old, { set: { division: 1 } })
    emptyCache(builds.new.live)
    builds.new.clock.advance(1)
    await ask(visitor, builds.new, { delete: 'filter' })
    await ask(visitor, builds.old, { set: { division: 2 } })
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { keys: ['filter'] })).toEqual({ filter: 'none' })
  })

  it('keeps unknown keys of a ticket, but hides them from browsers', async () => {
    const builds = await deploy({ old: oldFields, new: newFields })
    const cookie = cookieFor(builds.new.live, {})
    const page = await builds.new.visitor(cookie).connect()
    await page.ticket()
    await page.set(['filter', -1, '', 'x'], ['division', -1, '', 3])
    const { text } = await page.ticket()
    const visitor = builds.old.visitor(cookie)
    expect((await visitor.store({ tickets: [text] })).status).toBe(200)
    const { claims } = await (await visitor.connect()).ticket()
    expect(claims.changes.map(([key]) => key)).toEqual(['division'])
    expect((await (await visitor.store()).json()).persisted.map(([key]: [string]) => key)).toEqual(['division'])
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { keys: ['filter', 'division'] })).toEqual({ filter: 'x', division: 3 })
  })

  it('keeps unknown keys of a ticket after the adapter relayed them', async () => {
    const builds = await deploy({ old: oldFields, new: newFields }, new Bus())
    const cookie = cookieFor(builds.new.live, {})
    const page = await builds.new.visitor(cookie).connect()
    await page.ticket()
    await page.change('filter', 'x')
    const { text } = await page.ticket()
    const visitor = builds.old.visitor(cookie)
    expect((await visitor.store({ tickets: [text] })).status).toBe(200)
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { keys: ['filter'] })).toEqual({ filter: 'x' })
  })

  it('does not mix unknown values of different browsers', async () => {
    const builds = await deploy({
      old: oldFields,
      new: defineFields({ ...shared, theme: { ...text, scope: 'browser' } }),
    })
    const [one, two] = [builds.old.visitor(), builds.old.visitor()]
    const user = 'ann'
    await ask(two, builds.new, { user, set: { theme: 'light' } })
    builds.new.clock.advance(1)
    await ask(one, builds.new, { user, set: { theme: 'dark' } })
    for (const visitor of [one, two]) await ask(visitor, builds.old, { user, set: { division: 1 } })
    emptyCache(builds.new.live)
    const found = []
    for (const visitor of [one, two]) found.push(await ask(visitor, builds.new, { user, keys: ['theme'] }))
    expect(found).toEqual([{ theme: 'dark' }, { theme: 'light' }])
  })
})

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
