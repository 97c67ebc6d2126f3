import { describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import type Koa from 'koa'
import type { LiveSessionOptions } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { redisStore } from 'koa-live-session/redis'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { cookieFor, memoryStore, storeContract } from 'koa-live-session/testing'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { z } from 'zod'
import { App, type AppFields } from '../support/app/app.js'

const PREFIX = 'koa-live-session: '

describe('a value', () => {
  it('set during a stream, warns that no cookie follows', async () => {
    const routes: Koa.Middleware = async (ctx) => {
      ctx.respond = false
      ctx.liveSession.get('division')
      ctx.res.write('a stream')
      await ctx.liveSession.set('division', 3)
      ctx.res.end()
    }
    const app = await App.start({ routes })
    const visitor = app.visitor()
    for (const path of ['/', '/']) expect((await visitor.fetch(path)).headers.getSetCookie()).toEqual([])
    expect(app.warnings.filter((warning) => warning.includes('headers'))).toEqual([
      `${PREFIX}values were used after the headers had gone out, so the browser gets no live cookie, and the next request will not see these values. Call get, set or embed() before you set ctx.body`,
    ])
  })

  it('warns at startup if it is in neither cookie nor store', async () => {
    const { warnings } = await App.start()
    expect(warnings).toEqual([
      `${PREFIX}fields secret: not in the cookie, and there is no store: a restart loses their values`,
    ])
    expect((await App.start({ options: { store: memoryStore() } })).warnings).toEqual([])
  })
})

describe('a value of a request that signs in', () => {
  const text = { schema: z.string(), default: '' }
  const fields = defineFields({
    plan: text,
    risk: { ...text, client: 'hidden' },
    note: { ...text, client: 'write', guests: 'read' },
    seen: { ...text, scope: 'browser' },
    cart: { ...text, client: 'write' },
  })
  const keys = Object.keys(fields)
  const GUESTS_ONLY = ['plan', 'risk', 'note', 'seen']

  it.each([
    ['set before the sign-in', '/before', GUESTS_ONLY],
    ['updated before the sign-in', '/update', GUESTS_ONLY],
    ['set after the sign-in', '/after', []],
  ])('warns if it is not moved to the account: %s', async (_, path, lost) => {
    const app = await App.start({
      fields,
      options: { store: memoryStore(), identify: (ctx: Koa.Context) => ctx.state['user'] } as never,
      attach: { handshake: [] },
      routes: async (ctx) => {
        const { liveSession } = ctx
        const values = Object.fromEntries(keys.map((key) => [key, 'x'])) as never
        if (ctx.path === '/before') await liveSession.setMany(values)
        if (ctx.path === '/update')
          await Promise.all(keys.map((key) => liveSession.update(key as never, (() => 'x') as never)))
        ctx.state['user'] = 'ann'
        await liveSession.identify()
        if (ctx.path === '/after') await liveSession.setMany(values)
        ctx.body = keys.filter((key) => liveSession.get(key as never) === 'x')
      },
    })
    const moved = await (await app.visitor().fetch(path)).json()
    expect(moved).toEqual(keys.filter((key) => !lost.includes(key)))
    expect(app.warnings).toEqual(
      lost.map(
        (key) =>
          `${PREFIX}"${key}" was set before identify(), as a guest's value, and did not go to the account: expected set after ` +
          "await ctx.liveSession.identify(). Only fields that a guest's page may set go along",
      ),
    )
  })
})

describe('embed()', () => {
  it.each([1, 2])('warns about a second call for one response: %i', async (times) => {
    const app = await App.start({
      options: { store: memoryStore() },
      routes: (ctx) => {
        ctx.body = Array.from({ length: times }, () => ctx.liveSession.embed()).join('')
      },
    })
    for (const path of ['/', '/']) await app.visitor().fetch(path)
    const warning = `${PREFIX}embed() was called twice for one response: expected once, because a page uses neither of two such scripts`
    expect(app.warnings).toEqual(times === 1 ? [] : [warning])
  })
})

describe('a store', () => {
  it('rejects a bare ioredis client', () => {
    const client = new Redis({ lazyConnect: true })
    expect(() => redisStore(client as never)).toThrow(
      `${PREFIX}redisStore: expected a Redis client. Pass createClient(...) of node-redis, or fromIoredis(client)`,
    )
  })

  it.each<[string, unknown, string]>([
    ['driver', new Database(':memory:'), 'object'],
    ['path', 'settings.db', 'string'],
    ['variable', undefined, 'undefined'],
  ])('rejects a bare SQL %s', async (_, database, received) => {
    const message = `${PREFIX}sqlStore: expected a Kysely, received ${received}. Pass new Kysely({ dialect: new SqliteDialect({ database }) })`
    expect(() => sqlStore(database as never)).toThrow(new TypeError(message))
    await expect(migrateSqlStore(database as never)).rejects.toThrow(message)
  })

  it('rejects an invalid SQL table name', () => {
    const db = new Kysely({ dialect: new SqliteDialect({ database: new Database(':memory:') }) })
    expect(() => sqlStore(db, { table: 'my settings' })).toThrow(
      `${PREFIX}sqlStore: table: expected a name like "settings" or "schema.settings", of at most 48 letters, digits and _, ` +
        'received "my settings"',
    )
  })

  it('must be returned by the factory of storeContract', async () => {
    const [rule] = storeContract((async () => undefined) as never)
    await expect(rule?.run()).rejects.toThrow(
      `${PREFIX}storeContract: expected create to answer with a store, received undefined`,
    )
  })
})

describe('cookieFor', () => {
  const warning =
    `${PREFIX}identify did not name the user of a cookie that cookieFor({ userId }) made, so the visitor is another one: expected the ` +
    'request to bring all that identify reads, such as the session cookie of a sign-in'

  it.each<[string, Partial<LiveSessionOptions<AppFields>>, string | undefined, string, readonly string[]]>([
    ['identify reads a session that is not there', { identify: () => undefined }, 'ann', 'guest', [warning]],
    ['identify names another user', { identify: () => 'bob' }, 'ann', 'bob', [warning]],
    ['there is no identify', {}, 'ann', 'guest', [warning]],
    ['identify names the user', { identify: () => 'ann' }, 'ann', 'ann', []],
    ['the cookie is of a guest', { identify: () => 'ann' }, undefined, 'ann', []],
  ])('warns at most once per app: %s', async (_, identify, userId, shown, expected) => {
    const app = await App.start({
      options: { store: memoryStore(), ...identify },
      attach: { handshake: [] },
      routes: (ctx) => {
        ctx.body = ctx.liveSession.userId ?? 'guest'
      },
    })
    const cookie = cookieFor(app.live, { ...(userId === undefined ? {} : { userId }), values: { division: 3 } })
    for (const visitor of [app.visitor(cookie), app.visitor(cookie)]) expect(await visitor.text('/')).toBe(shown)
    expect(app.warnings).toEqual(expected)
  })

  it('warns in a handshake', async () => {
    const app = await App.start({
      options: { store: memoryStore(), identify: () => undefined },
      attach: { handshake: [] },
    })
    const visitor = app.visitor(cookieFor(app.live, { userId: 'ann' }))
    await expect(visitor.connect()).rejects.toMatchObject({ data: { code: 'other_visitor' } })
    expect(app.warnings).toEqual([warning])
  })

  it('rejects invalid arguments', async () => {
    const { live } = await App.start()
    expect(() => cookieFor({} as never, {})).toThrow(`${PREFIX}expected what liveSession() returned`)
    expect(() => cookieFor(live, { browserId: 'ann' })).toThrow(
      `${PREFIX}cookieFor: browserId: expected 22 to 64 characters of base64url`,
    )
  })
})
