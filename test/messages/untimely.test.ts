import { describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import type Koa from 'koa'
import type { LiveSessionOptions } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { redisStore } from 'koa-live-session/redis'
import { sqlStore } from 'koa-live-session/sql'
import { cookieFor, memoryStore, storeContract } from 'koa-live-session/testing'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { z } from 'zod'
import { App, type AppFields } from '../support/app/app.js'

const PREFIX = 'koa-live-session: '

describe('a value', () => {
  it('set during a stream warns that no cookie follows', async () => {
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
      `${PREFIX}values were used after the headers had gone out, so the browser gets no live cookie: the next request does not have what it sets. Call get, set or embed() before you set ctx.body`,
    ])
  })

  it('outside the cookie warns at the start without a store', async () => {
    const { warnings } = await App.start()
    expect(warnings).toEqual([
      `${PREFIX}fields secret: not in the cookie, and there is no store: a restart loses their values`,
    ])
    expect((await App.start({ options: { store: memoryStore() } })).warnings).toEqual([])
  })
})

describe('a value set before the sign-in', () => {
  const text = { schema: z.string(), default: '' }
  const fields = defineFields({
    plan: text,
    risk: { ...text, client: 'hidden' },
    note: { ...text, client: 'write', guests: 'read' },
    seen: { ...text, scope: 'browser' },
    cart: { ...text, client: 'write' },
  })
  const keys = Object.keys(fields)

  /** Signs in before or after it sets each value. */
  async function signIn(
    path: string,
    options: Partial<LiveSessionOptions<typeof fields>> = {},
  ): Promise<App<typeof fields>> {
    const app = await App.start({
      fields,
      options: { store: memoryStore(), identify: (ctx) => ctx.state['user'], ...options },
      attach: { handshake: [] },
      routes: async (ctx) => {
        const { liveSession } = ctx
        const set = (): Promise<unknown> =>
          liveSession.setMany(Object.fromEntries(keys.map((key) => [key, 'x'])) as never)
        const update = (key: string): Promise<unknown> => liveSession.update(key as never, (() => 'x') as never)
        if (ctx.path === '/before') await set()
        if (ctx.path === '/computed') await Promise.all(keys.map(update))
        ctx.state['user'] = 'ann'
        await liveSession.identify()
        if (ctx.path === '/after') await set()
        ctx.body = keys.filter((key) => liveSession.get(key as never) === 'x')
      },
    })
    const [mine, others] = [await (await app.visitor().fetch(path)).json(), ['plan', 'risk', 'note', 'seen']]
    expect(mine).toEqual(path === '/after' ? keys : keys.filter((key) => !others.includes(key)))
    return app
  }

  it.each(['/before', '/computed'])('warns if it is not moved to the account: %s', async (path) => {
    expect((await signIn(path)).warnings).toEqual(
      ['plan', 'risk', 'note', 'seen'].map(
        (key) =>
          `${PREFIX}"${key}" was set before identify(), as a guest's value, and did not go to the account: expected set after ` +
          "await ctx.liveSession.identify(). Only what a guest's page may set goes along",
      ),
    )
  })

  it('does not warn if set afterwards', async () => {
    expect((await signIn('/after')).warnings).toEqual([])
  })
})

describe('embed()', () => {
  it.each([
    [1, []],
    [
      2,
      [
        `${PREFIX}embed() was called twice for one response: expected once, as a page with two such scripts begins with neither`,
      ],
    ],
  ])('called %i times for one response warns: %j', async (times, expected) => {
    const app = await App.start({
      options: { store: memoryStore() },
      routes: (ctx) => {
        ctx.body = Array.from({ length: times }, () => ctx.liveSession.embed()).join('')
      },
    })
    for (const path of ['/', '/']) await app.visitor().fetch(path)
    expect(app.warnings).toEqual(expected)
  })
})

describe('live.sessionStore()', () => {
  it('explains that koa-session is too old', async () => {
    const store = (await App.start()).live.sessionStore()
    const saved = store.set('an-id', {}, 1000, { changed: true } as object)
    await expect(saved).rejects.toThrow(
      `${PREFIX}session: expected the ctx of the request, received none. Use koa-session 6.1 or newer, and have a ContextStore ` +
        'pass on all that it is given',
    )
  })
})

describe('a store', () => {
  it('of Redis rejects a client of ioredis', () => {
    const client = new Redis({ lazyConnect: true })
    expect(() => redisStore(client as never)).toThrow(
      `${PREFIX}redisStore: expected a Redis client. Pass createClient(...) of node-redis, or fromIoredis(client)`,
    )
  })

  it('of SQL rejects an invalid table name', () => {
    const db = new Kysely({ dialect: new SqliteDialect({ database: new Database(':memory:') }) })
    expect(() => sqlStore(db, { table: 'my settings' })).toThrow(
      `${PREFIX}sqlStore: table: expected a name like "settings" or "schema.settings", of at most 48 letters, digits and _, ` +
        'received "my settings"',
    )
  })

  it("missing from the contract's factory is explained", async () => {
    const [rule] = storeContract((async () => undefined) as never)
    await expect(rule?.run()).rejects.toThrow(
      `${PREFIX}storeContract: expected create to answer with a store, received undefined`,
    )
  })
})

describe('cookieFor', () => {
  const told =
    `${PREFIX}identify did not name the user of a cookie that cookieFor({ userId }) made, so the visitor is another one: expected the ` +
    'request to bring all that identify reads, such as the session cookie of a sign-in'

  it.each<[string, Partial<LiveSessionOptions<AppFields>>, string | undefined, string, readonly string[]]>([
    ['identify reads a session that is not there', { identify: () => undefined }, 'ann', 'guest', [told]],
    ['identify names another user', { identify: () => 'bob' }, 'ann', 'bob', [told]],
    ['there is no identify', {}, 'ann', 'guest', [told]],
    ['identify names the user', { identify: () => 'ann' }, 'ann', 'ann', []],
    ['the cookie is of a guest', { identify: () => 'ann' }, undefined, 'ann', []],
  ])('warns once per app: %s', async (_, identify, userId, shown, expected) => {
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
    await expect(visitor.connect()).rejects.toMatchObject({ data: { code: 'other_subject' } })
    expect(app.warnings).toEqual([told])
  })

  it('rejects invalid arguments', async () => {
    const { live } = await App.start()
    expect(() => cookieFor({} as never, {})).toThrow(`${PREFIX}expected what liveSession() returned`)
    expect(() => cookieFor(live, { browserId: 'ann' })).toThrow(
      `${PREFIX}cookieFor: browserId: expected 22 to 64 characters of base64url`,
    )
  })
})
