import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { Redis } from 'ioredis'
import Koa from 'koa'
import { type LiveSessionOptions, liveSession, type Store } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { redisStore } from 'koa-live-session/redis'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { cookieFor, memoryStore, storeContract, testClock } from 'koa-live-session/testing'
import mount from 'koa-mount'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'
import type { Server } from 'socket.io'
import { z } from 'zod'
import { App, type AppFields, SECRET } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { Bus } from '../support/app/bus.js'
import { startWithConsent } from '../support/app/consent.js'
import { Gate } from '../support/app/gate.js'
import { losingStore } from '../support/app/losing-store.js'
import { startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const PREFIX = 'koa-live-session: '

describe('newcomers', () => {
  const say: Koa.Middleware = (ctx) => {
    ctx.body = String(ctx.liveSession.get('division'))
  }

  /** The errors of an app's first request. */
  async function errorsOf(app: Koa): Promise<string[]> {
    const errors: string[] = []
    app.on('error', (error) => errors.push(String(error)))
    const server = createServer(app.callback())
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    expect((await fetch(`http://127.0.0.1:${port}`)).status).toBe(500)
    await new Promise((resolve) => server.close(resolve))
    return errors
  }

  describe('app.use', () => {
    it('explains live.middleware passed without a call', async () => {
      const app = new Koa({ keys: [SECRET] })
      app.use(liveSession(app, { fields: {} }).middleware)
      expect(await errorsOf(app)).toEqual([
        `TypeError: ${PREFIX}live.middleware was given a request: expected app.use(live.middleware())`,
      ])
    })

    it('explains that a mounted app’s request has no session', async () => {
      const [outer, inner] = [new Koa(), new Koa({ keys: [SECRET] })]
      inner.use(liveSession(inner, { fields: {} }).middleware())
      outer.use(mount(inner))
      expect(await errorsOf(outer)).toEqual([
        `TypeError: ${PREFIX}live.middleware() was given a request of another app, which has no ctx.liveSession: expected ` +
          'liveSession(app) of the app that listens. With koa-mount, pass the outer app',
      ])
    })
  })

  describe('a user id that is an object', () => {
    it('throws in identify and in each method', async () => {
      const app = await App.start({
        options: { identify: () => ({ id: 1 }) } as never,
        attach: { handshake: [] },
        routes: say,
      })
      await app.visitor().fetch('/')
      const remedy = "received object. Take the user's own id, like user.id"
      const says = (source: string): string =>
        `${PREFIX}${source}: expected a string of 1 to 256 characters or a whole number, ${remedy}`
      expect(app.errors.map(String)).toEqual([`TypeError: ${says('identify')}`])
      const ann = { id: 1 } as never
      await expect(app.live.user(ann)).rejects.toThrow(says('user(id)'))
      await expect(app.live.revoke(ann)).rejects.toThrow(says('revoke(id)'))
      await expect(app.live.erase(ann)).rejects.toThrow(says('erase(id)'))
      expect(() => cookieFor(app.live, { userId: ann })).toThrow(says('cookieFor: userId'))
    })
  })

  describe('maxAge', () => {
    const DAY = 86_400
    const ofPlugin = async (maxAge: number | 'session'): Promise<readonly string[]> =>
      (await App.start({ options: { maxAge } })).warnings.filter((warning) => warning.includes('maxAge'))
    const ofField = async (maxAge: number): Promise<readonly string[]> =>
      (await App.start({ fields: defineFields({ seats: { schema: z.number(), default: 0, maxAge } }) })).warnings

    it('warns if it is in seconds', async () => {
      const REMEDY = 'expected ms, not seconds. For an hour: 60 * 60 * 1000'
      for (const maxAge of [3600, 7 * DAY, 30 * DAY, 365 * DAY])
        expect(await ofPlugin(maxAge)).toEqual([
          `${PREFIX}maxAge: a visitor is forgotten after ${maxAge} ms: ${REMEDY}`,
        ])
      for (const maxAge of [DAY, 30 * DAY])
        expect(await ofField(maxAge)).toEqual([
          `${PREFIX}fields.seats.maxAge: the value is forgotten after ${maxAge} ms: ${REMEDY}`,
        ])
    })

    it("does not warn if it is in ms or 'session'", async () => {
      for (const maxAge of [120_000, 36 * 60_000, 12 * 60 * 60_000, 30 * DAY * 1000, 'session'] as const)
        expect(await ofPlugin(maxAge)).toEqual([])
      for (const maxAge of [1, 15_000, 36 * 60_000, 30 * DAY * 1000]) expect(await ofField(maxAge)).toEqual([])
    })
  })

  describe('users without a store', () => {
    const { NODE_ENV } = process.env
    afterEach(() => {
      if (NODE_ENV === undefined) delete process.env['NODE_ENV']
      else process.env['NODE_ENV'] = NODE_ENV
    })

    const LOST =
      `${PREFIX}identify is set, and there is no store: once users have signed out everywhere, a restart loses their values. ` +
      'Pass store: redisStore(client) or sqlStore(kysely)'
    const identify = { identify: () => 'ann' } as const

    it.each([
      ['production', identify, [LOST]],
      ['production', { ...identify, store: memoryStore() }, []],
      ['production', {}, []],
      ['development', identify, []],
    ])('cause a warning at the start in production only: %s, %p', async (environment, options, expected) => {
      process.env['NODE_ENV'] = environment
      const { warnings } = await App.start({ options, attach: { handshake: [] } } as never)
      expect(warnings.filter((warning) => warning.includes('identify'))).toEqual(expected)
    })
  })

  describe('consent with a promise', () => {
    it('throws if it is an async function', async () => {
      await expect(startWithConsent({ options: { consent: (async () => false) as never } })).rejects.toThrow(
        `${PREFIX}consent: expected a function that answers at once, received an async function`,
      )
    })

    it('counts as no consent, and is reported', async () => {
      const app = await startWithConsent({ options: { consent: (() => Promise.resolve(true)) as never } })
      const answer = await app.visitor().fetch('/set')
      expect(answer.headers.getSetCookie()).toEqual([])
      expect(String(app.errors[0])).toBe(
        `TypeError: ${PREFIX}consent: expected a value, received a promise. It must answer at once: ask before ` +
          'live.middleware(), and put the answer into ctx.state.',
      )
    })
  })

  describe('body parsers before the middleware', () => {
    const saving = async (before: Koa.Middleware): Promise<readonly [app: App, status: number]> => {
      const app = await App.start({ before: () => [before], attach: { handshake: [] }, routes: say })
      const visitor = app.visitor(cookieFor(app.live, {}))
      const { status } = await visitor.store({ set: [['division', -1, '', 5]] })
      expect(await visitor.text('/')).toBe(status === 200 ? '5' : '-1')
      return [app, status]
    }

    it.each<[string, (ctx: Koa.Context) => Promise<unknown>]>([
      ['JSON', async (ctx) => JSON.parse(await text(ctx.req))],
      ['forms, and leave an empty object for JSON', async () => ({})],
    ])('may parse %s', async (_, parse) => {
      const [, status] = await saving(async (ctx, next) => {
        if (ctx.method === 'POST') Object.assign(ctx.request, { body: await parse(ctx) })
        await next()
      })
      expect(status).toBe(200)
    })

    it('must leave the body in ctx.request.body', async () => {
      const [app, status] = await saving(async (ctx, next) => {
        await text(ctx.req)
        await next()
      })
      expect(status).toBe(500)
      expect(app.errors.map(String)).toEqual([
        `TypeError: ${PREFIX}the body of a POST to the endpoint was read before live.middleware() ran, but is not in ` +
          'ctx.request.body, where parsers leave it. Put app.use(live.middleware()) before the code that reads the body',
      ])
    })
  })

  it.each([
    ['before the middleware logs', 1],
    ['after the middleware does not log', 0],
  ])('a body parser %s a POST that a reload cuts', async (place, expected) => {
    const parse: Koa.Middleware = async (ctx, next) => {
      Object.assign(ctx.request, { body: JSON.parse(await text(ctx.req)) })
      await next()
    }
    const [gate, reload] = [new Gate(), new AbortController()]
    let end: (value: unknown) => void = () => undefined
    const ended = new Promise((resolve) => {
      end = resolve
    })
    const load: Koa.Middleware = async ({ res }, next) => {
      void gate.pass()
      await once(res, 'close')
      await next().finally(() => setImmediate(end))
    }
    const isBefore = place.startsWith('before')
    const before = isBefore ? [load, parse] : [load]
    const app = await App.start({ before: () => before, attach: { handshake: [] }, routes: isBefore ? say : parse })
    const { signal } = reload
    const headers = { 'content-type': 'application/json' }
    const cut = app.visitor().fetch('/store_session', { method: 'POST', body: '{}', headers, signal })
    await gate.entered
    reload.abort()
    await expect(cut).rejects.toThrow('aborted')
    await ended
    expect(app.errors).toHaveLength(expected)
  })

  describe('a database without the table', () => {
    it('causes an error with the name of the migration', async () => {
      const db = new Kysely({ dialect: new SqliteDialect({ database: new Database(':memory:') }) })
      const app = await App.start({ options: { store: sqlStore(db) }, routes: say })
      await app.visitor(cookieFor(app.live, {})).fetch('/')
      await db.destroy()
      expect(app.errors).toMatchObject([
        {
          code: 'store_unavailable',
          message: `${PREFIX}the store does not answer: values are in memory and in cookies, and are stored when it recovers`,
          cause: {
            message: `${PREFIX}sqlStore: load: no such table: live_session_settings. Run migrateSqlStore(db) once, at a deploy`,
          },
        },
      ])
    })
  })

  describe('a declaration', () => {
    it('explains a missing argument', () => {
      expect(() => (defineFields as () => unknown)()).toThrow(
        `${PREFIX}defineFields: expected { key: { schema, default } }, received undefined`,
      )
    })

    it.each([
      ['is unknown', 'colour', 'undeclared_key', 'expected a declared field that is not hidden from browsers'],
      ['is read-only', 'role', 'not_writable', "expected a field with client: 'write'"],
    ])('explains to a page why a field %s', async (_, key, code, says) => {
      const log = jest.spyOn(console, 'error').mockReturnValue()
      const app = await App.start({ routes: (ctx) => Object.assign(ctx, { body: ctx.liveSession.snapshot() }) })
      const { live } = await app.visitor().open({ path: '/', hasSocket: false })
      const error = expect.objectContaining({
        code,
        key,
        message: `${PREFIX}${key}: ${code}: ${says}. node_modules/koa-live-session/docs/troubleshooting.md#${code}`,
      })
      await expect(live.set(key as never, 'red' as never)).rejects.toEqual(error)
      expect(log.mock.calls).toEqual([[error]])
      log.mockRestore()
    })
  })

  describe('several processes with one store', () => {
    const LATE =
      `${PREFIX}another process has changed values of a page that is open here, and the page learned of the change late, from the store. ` +
      'Give socket.io an adapter, which tells all processes at once'

    const offline = (): undefined => undefined

    /** The warnings of a process with an open page, after another process wrote to the same store. */
    async function warningsAfter(
      connect: (io: Server) => void,
      write: (app: App, other: App) => Promise<unknown>,
      store: Store = memoryStore(),
      more: object = {},
    ) {
      const given = { clock: testClock(), options: { store, identify: () => 'ann', ...more }, routes: say } as never
      const [one, two] = [await App.start(given), await App.start(given)]
      for (const { io } of [one, two]) connect(io)
      const socket = await two.visitor().connect()
      await socket.ticket()
      await write(one, two)
      two.clock.advance(60_000)
      expect(await two.visitor().text('/')).toBe('5')
      return two.warnings.filter((warning) => warning.includes('late'))
    }
    const set = async ({ live }: App): Promise<unknown> => (await live.user('ann')).set('division', 5)
    const update = async ({ live }: App): Promise<unknown> => (await live.user('ann')).update('division', () => 5)

    it('without an adapter warn when an open page got a change late', async () => {
      expect(await warningsAfter(offline, set)).toEqual([LATE])
    })

    it('do not warn about their own writes', async () => {
      expect(await warningsAfter(offline, (_, own) => set(own))).toEqual([])
    })

    it('do not warn about their own update in flight', async () => {
      const [store, gate] = [memoryStore(), new Gate()]
      const late: Store['compareAndSet'] = async (...args) => {
        const isSet = await store.compareAndSet(...args)
        await gate.pass()
        return isSet
      }
      let updated: Promise<unknown> | undefined
      const write = async (_: App, own: App): Promise<void> => {
        updated = update(own)
        await gate.entered
      }
      expect(await warningsAfter(offline, write, { ...store, compareAndSet: late })).toEqual([])
      gate.open()
      await updated
    })

    it('do not warn about their own update that the store never answers', async () => {
      const store = losingStore()
      store.fates.push('silent')
      expect(await warningsAfter(offline, (_, own) => update(own), store, { storeTimeout: 20 })).toEqual([])
    })

    it('do not warn with an adapter', async () => {
      const bus = new Bus()
      expect(await warningsAfter((io) => bus.join(io), set)).toEqual([])
    })
  })
})

describe('attach', () => {
  const nothing: Koa.Middleware = (_, next) => next()

  describe('attach(io)', () => {
    it.each<[string, (app: App) => unknown, unknown, string]>([
      [
        'a missing server',
        () => undefined,
        undefined,
        'expected a Server of socket.io, received undefined. Pass new Server(',
      ],
      ['an HTTP server', () => createServer(), undefined, 'expected a Server of socket.io, received object. Pass'],
      [
        'an unknown option',
        ({ io }) => io,
        { handshakes: [] },
        'handshakes: no such option (known: handshake, recheck, maxAge). Did you mean "handshake"?',
      ],
      [
        'undefined middleware',
        ({ io }) => io,
        { handshake: [nothing, undefined] },
        'handshake: expected Koa middleware, received undefined as number 2. Pass the same functions as to app.use',
      ],
      [
        'a recheck of another type',
        ({ io }) => io,
        { handshake: [], recheck: '60' },
        'recheck: expected ms, more than 0 and at most 100 years, or Infinity for never, received 60',
      ],
      [
        'a maxAge that no recheck looks at',
        ({ io }) => io,
        { handshake: [], recheck: Number.POSITIVE_INFINITY, maxAge: 1000 },
        'maxAge: it has no effect with recheck: Infinity, because rechecks look at the age. Set recheck in ms',
      ],
    ])('explains %s, and may be called again', async (_, server, options, message) => {
      const app = await App.start({ isAttached: false })
      const attach = (): void => app.live.attach(server(app) as never, options as never)
      expect(attach).toThrow(TypeError)
      expect(attach).toThrow(`${PREFIX}attach(io): ${message}`)
      expect(() => app.live.attach(app.io)).not.toThrow()
    })

    it('explains that the server already has another app’s live session', async () => {
      const [one, other] = [await App.start(), await App.start({ isAttached: false })]
      expect(() => other.live.attach(one.io)).toThrow(
        `${PREFIX}attach(io): another live session is attached to this server. Give each app a server of its own`,
      )
    })

    it('explains a handshake without session()', async () => {
      const app = await startWithUsers({ store: new AuthStore(), attach: { handshake: [] } })
      const visitor = app.visitor()
      await visitor.fetch('/login/now?user=ann')
      await expect(visitor.connect()).rejects.toMatchObject({ message: 'handshake failed' })
      expect(app.errors.map(String)).toEqual([
        `TypeError: ${PREFIX}identify read ctx.session before session() had loaded it, so every visitor would be a guest: ` +
          'expected the same session(...) in attach(io, { handshake: [session, ...] })',
      ])
    })

    it('warns once about a handshake that cannot name the user', async () => {
      const passport: Koa.Middleware = (ctx, next) => {
        ctx.state['user'] = ctx.cookies.get('app-user')
        return next()
      }
      const start = (handshake: readonly Koa.Middleware[]): Promise<App> =>
        App.start({
          before: () => [passport],
          attach: { handshake },
          options: { identify: (ctx: Koa.Context) => ctx.state['user'] } as never,
          routes: (ctx) => {
            if (ctx.path === '/sign-in') ctx.cookies.set('app-user', 'ann')
            if (ctx.path === '/sign-out') ctx.cookies.set('app-user', null)
            ctx.body = ctx.liveSession.snapshot() as never
          },
        })
      /** Acts as a page asking for its identity after a refused handshake, and reconnecting; returns the warnings. */
      const refused = async (app: App, path: string): Promise<readonly string[]> => {
        const visitor = app.visitor()
        for (const each of ['/sign-in', '/', path]) await visitor.fetch(each)
        await expect(visitor.connect()).rejects.toMatchObject({ message: 'other_visitor' })
        expect((await visitor.store()).status).toBe(200)
        await visitor.connect().catch(() => undefined)
        return app.warnings.filter((warning) => warning.includes('handshake'))
      }
      const wrong = await start([])
      await refused(wrong, '/')
      expect(await refused(wrong, '/')).toEqual([
        `${PREFIX}identify names a user in the POSTs of a browser and nobody in its handshakes: expected the same proof in all: in ` +
          'attach(io, { handshake }) the same middleware as in app.use, and a token in an HttpOnly cookie instead of a header: ' +
          'node_modules/koa-live-session/docs/users.md#what-each-request-must-bring',
      ])
      const right = await start([passport])
      // The plugin does not know of this sign-out, so the cookie is the user's until the page asks.
      expect(await refused(right, '/sign-out')).toEqual([])
    })

    it('warns once about handshakes without the cookie that POSTs bring', async () => {
      const app = await App.start()
      const bare = async (visitor: Visitor, cookie: string): Promise<void> => {
        const { who } = await (await visitor.store()).json()
        const socket = await visitor.connect('/', { cookie })
        await socket.greeted
        await socket.exchange({ who })
        await visitor.store({ who, set: [['division', -1, '', 3]] })
      }
      const warnings = (): readonly string[] => app.warnings.filter((warning) => warning.includes('socket'))
      const known = app.visitor()
      await known.store()
      await bare(known, known.cookie)
      expect(warnings()).toEqual([])
      for (const visitor of [app.visitor(), app.visitor()]) {
        await visitor.store()
        await bare(visitor, '')
      }
      expect(warnings()).toEqual([
        `${PREFIX}the socket of a page brought no live cookie, but its POSTs do, so the page hears of no changes made elsewhere: expected the ` +
          'Cookie header in handshakes. Let the proxy forward it; for a socket on another host, set domain, and pass ' +
          'withCredentials: true to io(): node_modules/koa-live-session/docs/troubleshooting.md#the-socket-lacks-the-cookie',
      ])
    })

    it.each([
      [503, 1],
      [401, 0],
      [403, 0],
    ])('warns once of middleware that throws in handshakes: status %i', async (status, times) => {
      const app = await App.start({ attach: { handshake: [(ctx) => ctx.throw(status)] } })
      for (const _ of [1, 2])
        await expect(app.visitor().connect()).rejects.toMatchObject({ message: 'handshake failed' })
      expect(app.errors).toHaveLength(2)
      expect(app.warnings.filter((warning) => warning.includes('threw'))).toEqual(
        Array(times).fill(
          `${PREFIX}attach(io, { handshake }): middleware or identify threw in a handshake, so a socket was refused: app.on('error') gets ` +
            'the error. The page tries again, at first after a second, later every 15 to 30 s',
        ),
      )
    })

    it('explains a read of ctx.liveSession in a handshake', async () => {
      const read: Koa.Middleware = (ctx, next) => {
        ctx.liveSession.get('division')
        return next()
      }
      const app = await App.start({ attach: { handshake: [read] }, options: { identify: () => undefined } })
      await expect(app.visitor().connect()).rejects.toMatchObject({ message: 'handshake failed' })
      expect(app.errors.map(String)).toEqual([
        `TypeError: ${PREFIX}ctx.liveSession was read in the handshake of a socket, which has none: expected socket.liveSession in ` +
          "io.use or io.on('connection'). Middleware of attach(io, { handshake }) runs before the visitor is known",
      ])
    })
  })
})

describe('untimely', () => {
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
        `${PREFIX}values were used after the headers had gone out, so the browser gets no live cookie, and the next request will not see these values. Await next() and all else that uses them. Before you set ctx.body to a stream, call get, set or embed()`,
      ])
    })

    describe('used after a forgotten await', () => {
      async function useAfter(use: (live: Koa.Context['liveSession']) => unknown) {
        const gate = new Gate()
        let used: Promise<unknown> = Promise.resolve()
        const routes: Koa.Middleware = (ctx) => {
          ctx.res.once('close', () => gate.open())
          used = gate.pass().then(() => use(ctx.liveSession))
          used.catch(() => undefined)
        }
        const app = await App.start({ routes })
        expect((await app.visitor().fetch('/')).status).toBe(404)
        return { app, used }
      }

      it('answers a read, and asks for the await', async () => {
        const { app, used } = await useAfter((live) => live.get('division'))
        expect(await used).toBe(-1)
        expect(app.warnings.filter((warning) => warning.includes('headers'))).toEqual([
          `${PREFIX}ctx.liveSession was first read after the headers had gone out, as by a log. If the response has what was read, a cache may ` +
            'show it to others: await next() and all else that reads, and before you set ctx.body to a stream, call get, set, embed() or ' +
            'takeFlash(). A request that did not pass live.middleware() has the values of a new guest',
        ])
      })

      it('rejects a change, and asks for the await', async () => {
        const { used } = await useAfter((live) => live.set('division', 1))
        await expect(used).rejects.toEqual(
          new TypeError(
            `${PREFIX}ctx.liveSession was first used after the headers had gone out: a cache may show this visitor's page to others. ` +
              'Await next() and all else that uses it. Before you set ctx.body to a stream, call get, set, embed() or takeFlash()',
          ),
        )
      })
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
})
