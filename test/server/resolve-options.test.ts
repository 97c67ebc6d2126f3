import { describe, expect, it, jest } from '@jest/globals'
import Keygrip from 'keygrip'
import Koa from 'koa'
import { type LiveSessionPlugin, liveSession } from 'koa-live-session'
import { defineFields, type Fields } from 'koa-live-session/fields'
import { redisStore } from 'koa-live-session/redis'
import { sqlStore } from 'koa-live-session/sql'
import { memoryAppSession, memorySession, memoryStore } from 'koa-live-session/testing'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { createClient } from 'redis'
import { z } from 'zod'
import { App, appFields } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'

const fields = defineFields({ division: { schema: z.number(), default: -1 } })
const SECRET = 'a secret of at least thirty-two bytes'
const start = (options: object, app = new Koa({ keys: [SECRET] })): LiveSessionPlugin<Fields> => {
  return liveSession(app, { fields, ...options } as Parameters<typeof liveSession>[1])
}
const A_STORE =
  'store: expected redisStore(client), sqlStore(kysely), or your own with load, merge, compareAndSet, remove, sweep, close'
const advice = `Generate one: node -p "crypto.randomBytes(32).toString('base64url')"`

describe('liveSession(app, options)', () => {
  const UNSET = `Is the variable set? node --env-file=.env loads it from a file. If you have no secret yet: ${advice}`
  it.each([
    ['none', undefined, 'none (app.keys is unset)', advice],
    ['an empty list', [], 'none (app.keys is empty)', advice],
    ['a short secret', ['x'.repeat(31)], 'one of 31 bytes in app.keys', advice],
    ['a short secret among others', [SECRET, 'short'], 'one of 5 bytes in app.keys', advice],
    ['a number', [1], 'a number in app.keys', advice],
    ['an empty string', [''], 'an empty string in app.keys', UNSET],
    ['an unset variable', [undefined], 'undefined in app.keys', UNSET],
    [
      'a Keygrip',
      new Keygrip([SECRET]),
      'app.keys of another kind (a Keygrip keeps its secrets to itself: pass keys)',
      advice,
    ],
  ])('rejects keys: %s', (_, keys, received, remedy) => {
    const app = new Koa()
    Object.assign(app, { keys })
    expect(() => start({}, app)).toThrow(
      new TypeError(
        `koa-live-session: keys: expected at least one string of 32 bytes or more, received ${received}. ${remedy}`,
      ),
    )
  })

  it('accepts keys of its own, even if app.keys is a Keygrip', () => {
    const app = new Koa()
    app.keys = new Keygrip(['x'])
    expect(() => start({ keys: [SECRET] }, app)).not.toThrow()
    expect(() => start({ keys: ['short'] })).toThrow('received one of 5 bytes in keys')
  })

  it.each([
    [{ maxage: 1 }, 'maxage: no such option'],
    [{ store: {} }, `${A_STORE}, received object`],
    [{ store: createClient() }, `${A_STORE}, received object`],
    [{ store: 'redis://127.0.0.1' }, `${A_STORE}, received string`],
    [
      { store: { ...memoryStore(), maxIdle: 1000 }, maxAge: 2000 },
      'store: expected one that keeps values for maxAge (2000 ms) or longer, like redisStore(client, { maxIdle: 2000 }), received 1000',
    ],
    [{ storeTimeout: 0 }, 'storeTimeout: expected ms, more than 0 and at most 100 years, received 0'],
    [
      { storeMaxIdle: '100 days' },
      'storeMaxIdle: expected ms, more than 0 and at most 100 years, or Infinity, received 100 days',
    ],
    [{ storeMaxIdle: 3600_000 }, 'storeMaxIdle: expected a day (86400000 ms) or more, received 3600000'],
    [{ storeRefresh: '1m' }, 'storeRefresh: expected ms, more than 0 and at most 100 years, received 1m'],
    [{ fields: undefined }, 'fields: expected what defineFields returned, received undefined'],
    [{ identify: 'ann' }, 'identify: expected a function, received ann'],
    [{ maxAge: 0 }, "maxAge: expected ms, more than 0 and at most 100 years, or 'session', received 0"],
    ...['store', '/säve', '/a b', '/live*', '/:id', '//evil/x', '/a/../b', '/./x'].map(
      (endpoint) =>
        [
          { endpoint },
          `endpoint: expected a path like "/x", of ASCII letters, digits and -._~/, received ${endpoint}`,
        ] as const,
    ),
    [{ secure: 'yes' }, 'secure: expected a boolean, received yes'],
    [{ sameSite: 'Lax' }, "sameSite: expected 'strict', 'lax' or 'none', received Lax"],
    [{ sameSite: 'none' }, "sameSite: 'none' needs secure: true, or browsers drop the cookie"],
    [{ key: 'a b' }, 'key: expected a cookie name'],
    [{ key: '__Host-x' }, 'key: __Host- needs secure: true and no domain, received __Host-x'],
    [{ key: '__Secure-x' }, 'key: __Secure- needs secure: true, received __Secure-x'],
    [{ key: '__Host-x', secure: true, domain: 'example.com' }, 'key: __Host- needs secure: true and no domain'],
    [
      { origins: ['example.com'] },
      'origins: expected [\'https://example.com\'], without a last /, received ["example.com"]',
    ],
    ...[
      'https://example.com/',
      'https://*.example.com',
      'ws://example.com',
      'capacitor://localhost/',
      'capacitor://*',
      'tauri:localhost',
      'file://',
      'file:///index.html',
      'blob:https://example.com',
      'null',
    ].map((origin) => [{ origins: [origin] }, 'origins: expected'] as const),
    [{ cache: { maxIdle: 0 } }, 'cache.maxIdle: expected ms, more than 0 and at most 100 years, received 0'],
    [{ cache: { maxVisitors: Number.NaN } }, 'cache.maxVisitors: expected a number, more than 0, received NaN'],
    [{ cookieBudget: 4096 }, 'cookieBudget: expected 1 to 3784 bytes, received 4096'],
    [{ cookieBudget: 0 }, 'cookieBudget: expected 1 to 3784 bytes, received 0'],
    [{ domain: 'a.example; path=/' }, 'domain: expected a host name, received a.example; path=/'],
    [
      { cache: { maxVisitor: 1 } },
      'cache.maxVisitor: no such option (known: maxIdle, maxVisitors, maxGuestBytes). Did you mean "maxVisitors"?',
    ],
    [{ limits: { changes: 1 } }, 'limits.changes: no such option'],
    ...[0, '9', -1].map(
      (limit) =>
        [
          { limits: { changesPerSocket: limit } },
          `limits.changesPerSocket: expected a number, more than 0, received ${limit}`,
        ] as const,
    ),
    [{ consent: true }, 'consent: expected a function, received true'],
    [{ onLogin: () => 1 }, "onLogin: expected 'account', 'newest' or 'drop'"],
    [{ onError: 1 }, 'onError: expected a function, received 1'],
    [{ clock: 1 }, 'clock: expected a function, received 1'],
    // A date after a longer time is no safe integer, so a signed cookie would be unreadable.
    ...['maxAge', 'storeTimeout', 'storeRefresh', 'storeMaxIdle'].flatMap((name) =>
      [Number.MAX_SAFE_INTEGER, '1000', Number.NaN, -1].map(
        (ms) => [{ [name]: ms }, `${name}: expected ms, more than 0 and at most 100 years`] as const,
      ),
    ),
  ])('rejects %p', (options, message) => {
    expect(() => start(options)).toThrow(TypeError)
    expect(() => start(options)).toThrow(`koa-live-session: ${message}`)
  })

  it.each<[string, () => unknown, string]>([
    [
      'no options',
      () => liveSession(...([new Koa()] as unknown as Parameters<typeof liveSession>)),
      'liveSession(app, options): expected { fields }, received undefined. Pass what defineFields returned',
    ],
    [
      'null as options',
      () => liveSession(new Koa(), null as never),
      'liveSession(app, options): expected { fields }, received null. Pass what defineFields returned',
    ],
    [
      'the fields as options',
      () => liveSession(new Koa(), fields as never),
      'division: no such option (known: fields,',
    ],
    ['no Koa app', () => liveSession({} as Koa, { fields }), 'liveSession(app): expected a Koa app, received object'],
    [
      'an app of Koa 2',
      () => {
        const app = new Koa({ keys: [SECRET] })
        Object.assign(app.response, { back: undefined })
        return start({}, app)
      },
      'liveSession(app): expected an app of Koa 3, received one of Koa 2',
    ],
    [
      'an app with a live session',
      () => {
        const app = new Koa({ keys: [SECRET] })
        start({}, app)
        return start({}, app)
      },
      'liveSession(app): this app has a live session already. Call liveSession once, and import its result elsewhere',
    ],
  ])('rejects %s', (_, act, message) => {
    expect(act).toThrow(`koa-live-session: ${message}`)
  })
})

/** Starts a plugin, and returns its warnings. */
function warningsOf(options: object): readonly unknown[] {
  const warnings: unknown[] = []
  const log = jest.spyOn(console, 'warn').mockImplementation((message) => void warnings.push(message))
  start(options)
  log.mockRestore()
  return warnings
}

describe('an option without effect', () => {
  const text = { schema: z.string(), default: '' }
  const store = memoryStore()
  const identify = (): undefined => undefined

  it.each<[object, string, string]>([
    ...['storeTimeout', 'storeRefresh', 'storeMaxIdle'].map((option): [object, string, string] => [
      { [option]: 100 * 24 * 60 * 60 * 1000 },
      option,
      'it has no effect without store. Leave it out, or pass store',
    ]),
    [
      { store, deviceLabel: () => '' },
      'deviceLabel',
      'it has no effect without identify. Leave it out, or pass identify',
    ],
    [{ store, onLogin: 'newest' }, 'onLogin', 'it has no effect without identify. Leave it out, or pass identify'],
    [
      { fields: { x: { ...text, maxMembers: 9 } } },
      'fields.x.maxMembers',
      "it has no effect without client: 'write'. Leave it out",
    ],
    ...[{}, { client: 'write', guests: 'read' }, { client: 'write', scope: 'browser' }].map(
      (rest): [object, string, string] => [
        { fields: { x: { ...text, ...rest, onLogin: 'newest' } } },
        'fields.x.onLogin',
        "it has no effect without client: 'write', or with guests: 'read' or scope: 'browser'. Leave it out",
      ],
    ),
  ])('is reported at the start: %j', (options, option, message) => {
    expect(warningsOf(options)).toEqual([`koa-live-session: ${option}: ${message}`])
  })

  it('is not reported if the options that it needs are there', () => {
    const day = 24 * 60 * 60 * 1000
    const x = { ...text, client: 'write', maxMembers: 9, onLogin: 'newest' }
    const options = { store, identify, deviceLabel: () => '', onLogin: 'newest', storeTimeout: 1, storeRefresh: 1 }
    const fields = { x, tab: { ...x, scope: 'tab' } }
    expect(warningsOf({ ...options, fields, storeMaxIdle: day })).toEqual([])
  })
})

describe('maxAge of a year with a store', () => {
  const YEAR = 365 * 24 * 60 * 60 * 1000

  const message =
    'koa-live-session: maxAge: the store deletes values unused for 8640000000 ms, the default of storeMaxIdle. ' +
    `To keep them for maxAge, pass storeMaxIdle: ${YEAR}`

  it.each<[string, object, readonly string[]]>([
    ['warns without storeMaxIdle', {}, [message]],
    ['does not warn with a shorter storeMaxIdle', { storeMaxIdle: YEAR / 2 }, []],
    ['does not warn without a store', { store: undefined }, []],
  ])('%s', (_, options, expected) => {
    expect(warningsOf({ store: memoryStore(), maxAge: YEAR, ...options })).toEqual(expected)
  })
})

describe('an unknown option', () => {
  const known = (call: string, name: string, options: string): string =>
    `koa-live-session: ${call}: ${name}: no such option (known: ${options}).`

  it('throws in stores, sessionStore() and revoke()', async () => {
    const client = { sendCommand: async () => null } as never
    expect(() => redisStore(client, { prefx: 'x' } as never)).toThrow(
      `${known('redisStore', 'prefx', 'prefix, maxIdle, clock')} Did you mean "prefix"?`,
    )
    const db = new Kysely({ dialect: new SqliteDialect({ database: new Database(':memory:') }) })
    expect(() => sqlStore(db, { maxIdle: 1 } as never)).toThrow(known('sqlStore', 'maxIdle', 'table, clock'))
    const live = start({})
    expect(() => live.sessionStore({ maxAge: 1 } as never)).toThrow(known('sessionStore', 'maxAge', 'maxLifetime'))
    await expect(live.revoke('ann', { expect: {} } as never)).rejects.toThrow(known('revoke(id)', 'expect', 'except'))
  })
})

describe('a message about a mistake', () => {
  const app404: Koa.Middleware = (ctx) => {
    ctx.body = String(ctx.liveSession.get('division'))
  }

  it('appears once if a request passes the middleware twice', async () => {
    const app: App = await App.start({
      routes: async (ctx) => {
        await ctx.liveSession.set('division', 3)
        await app.live.middleware()(ctx, async () => app404(ctx, async () => undefined))
      },
    })
    for (const visitor of [app.visitor(), app.visitor()]) expect(await visitor.text('/')).toBe('3')
    expect(app.warnings.filter((warning) => warning.includes('middleware()'))).toEqual([
      'koa-live-session: a request passed live.middleware() twice, and the second did nothing: expected ' +
        'app.use(live.middleware()) once, after your auth and before your routes',
    ])
  })

  describe.each(['without a store', 'with a store'])('in an app %s', (kind) => {
    it('explains update() with a value', async () => {
      const app = await App.start({ options: kind === 'with a store' ? { store: memoryStore() } : {} })
      const user = await app.live.user('ann')
      await user.set('division', 1)
      const message = 'expected a function of the current value, received number. To replace the value use set'
      await expect(user.update('division', 3 as never)).rejects.toEqual(
        new TypeError(`koa-live-session: update("division"): ${message}`),
      )
      expect(user.get('division')).toBe(1)
    })
  })

  it('explains session.update() with a value', async () => {
    const session = memoryAppSession<{ step: number }>({ step: 1 })
    await expect(session.update('step', 3 as never)).rejects.toThrow(
      'koa-live-session: update("step"): expected a function of the current value, received number',
    )
  })

  it.each<[string, readonly unknown[]]>([
    ['a key', [() => undefined]],
    ['a listener', ['division']],
  ])('explains subscribe() without %s', async (_, given) => {
    const app = await App.start()
    const message =
      'expected a function as listener, received undefined. For changes of all keys use onChange(listener)'
    for (const handle of [memorySession(appFields), await app.live.user('ann')]) {
      const subscribe = handle.subscribe.bind(handle) as (...given: readonly unknown[]) => unknown
      expect(() => subscribe(...given)).toThrow(`koa-live-session: subscribe(key, listener): ${message}`)
    }
    expect(app.warnings.filter((warning) => warning.includes('declared'))).toEqual([])
  })

  it('names setMany for set() with an object', async () => {
    const app = await App.start()
    for (const handle of [memorySession(appFields), await app.live.user('ann')]) {
      const set = handle.set.bind(handle) as (...given: readonly unknown[]) => Promise<unknown>
      await expect(set({ division: 3 })).rejects.toMatchObject({
        code: 'undeclared_key',
        message: expect.stringMatching(
          /^koa-live-session: set\(object\): not declared. Declared: [\w, ]+. To set several values use setMany\(values\)$/,
        ),
      })
    }
  })

  it('explains onChange() with a key', async () => {
    const app = await App.start()
    const message =
      'onChange(listener): expected a function as listener, received string. For changes of one key use subscribe(key, listener)'
    for (const handle of [memorySession(appFields), await app.live.user('ann')])
      expect(() => handle.onChange('division' as never)).toThrow(new TypeError(`koa-live-session: ${message}`))
  })

  it('explains a template with embed in place of embed()', async () => {
    const app = await App.start({
      routes: (ctx) => {
        ctx.body = `<body>${ctx.liveSession.embed}</body>`
      },
    })
    expect((await app.visitor().fetch('/')).status).toBe(500)
    expect(app.errors.map(String)).toEqual([
      'TypeError: koa-live-session: embed was put into a page without a call: expected ctx.liveSession.embed()',
    ])
  })

  it('explains a socket without attach()', async () => {
    const app = await App.start({ isAttached: false })
    const told = new Promise((resolve) => {
      app.io.on('connection', (socket) => {
        try {
          resolve(socket.liveSession)
        } catch (error) {
          resolve(error)
        }
      })
    })
    await app.visitor().connect()
    expect(await awaited('the connection', told)).toEqual(
      new TypeError(
        'koa-live-session: socket.liveSession was read before live.attach(io) let the socket in: ' +
          'call live.attach(io) once, before your own io.use and io.on',
      ),
    )
  })

  it('explains a read before attach(), but no read after', async () => {
    const app = await App.start({ isAttached: false })
    const told: unknown[] = []
    const read: Parameters<typeof app.io.use>[0] = (socket, next) => {
      try {
        told.push(socket.liveSession.get('division'))
      } catch (error) {
        told.push(String(error))
      }
      next()
    }
    app.io.use(read)
    app.live.attach(app.io)
    app.io.use(read)
    await app.visitor().connect()
    expect(told).toEqual([expect.stringContaining('socket.liveSession was read before live.attach(io)'), -1])
  })
})
