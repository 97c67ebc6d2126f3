import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import Koa from 'koa'
import { liveSession, type Store } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { sqlStore } from 'koa-live-session/sql'
import { cookieFor, memoryStore, testClock } from 'koa-live-session/testing'
import mount from 'koa-mount'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'
import type { Server } from 'socket.io'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { Bus } from '../support/app/bus.js'
import { startWithConsent } from '../support/app/consent.js'
import { Gate } from '../support/app/gate.js'
import { losingStore } from '../support/app/losing-store.js'

const PREFIX = 'koa-live-session: '
const SECRET = 'a secret of at least thirty-two bytes'
const say: Koa.Middleware = (ctx) => {
  ctx.body = String(ctx.liveSession.get('division'))
}

/** What an app is told at its first request. */
async function told(app: Koa): Promise<string[]> {
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
  it('of live.middleware, not called, is told at the first request', async () => {
    const app = new Koa({ keys: [SECRET] })
    app.use(liveSession(app, { fields: {} }).middleware)
    expect(await told(app)).toEqual([
      `TypeError: ${PREFIX}live.middleware was given a request: expected app.use(live.middleware())`,
    ])
  })

  it('of the middleware of a mounted app is told, as there ctx is the outer one’s', async () => {
    const [outer, inner] = [new Koa(), new Koa({ keys: [SECRET] })]
    inner.use(liveSession(inner, { fields: {} }).middleware())
    outer.use(mount(inner))
    expect(await told(outer)).toEqual([
      `TypeError: ${PREFIX}live.middleware() was given a request of another app, which has no ctx.liveSession: expected ` +
        'liveSession(app) of the app that listens. With koa-mount pass the outer one',
    ])
  })
})

describe('a user’s id', () => {
  it('is not the user: told at the first request, and by each method', async () => {
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
  const start = async (maxAge: number | 'session'): Promise<readonly string[]> =>
    (await App.start({ options: { maxAge } })).warnings.filter((warning) => warning.includes('maxAge'))

  it.each([3600, 7 * 86_400, 30 * 86_400, 365 * 86_400])('of %p, in seconds, is told at the start', async (maxAge) => {
    expect(await start(maxAge)).toEqual([
      `${PREFIX}maxAge: a visitor is forgotten after ${maxAge} ms: expected ms, not seconds. For an hour: 60 * 60 * 1000`,
    ])
  })

  it.each([2 * 60 * 1000, 36 * 60 * 1000, 12 * 60 * 60 * 1000, 30 * 86_400 * 1000, 'session'] as const)(
    'of %p is no mistake',
    async (maxAge) => {
      expect(await start(maxAge)).toEqual([])
    },
  )
})

describe('maxAge of a field', () => {
  const start = async (maxAge: number): Promise<readonly string[]> => {
    const fields = defineFields({ seats: { schema: z.number(), default: 0, maxAge } })
    return (await App.start({ fields })).warnings
  }

  it.each([86_400, 30 * 86_400])('of %p, in seconds, is told at the start', async (maxAge) => {
    expect(await start(maxAge)).toEqual([
      `${PREFIX}fields.seats.maxAge: the value is forgotten after ${maxAge} ms: expected ms, not seconds. For an hour: 60 * 60 * 1000`,
    ])
  })

  it.each([1, 15_000, 36 * 60 * 1000, 30 * 86_400 * 1000])('of %p is no mistake', async (maxAge) => {
    expect(await start(maxAge)).toEqual([])
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
  ])('are told at the start, in production alone: %s, %p', async (environment, options, expected) => {
    process.env['NODE_ENV'] = environment
    const { warnings } = await App.start({ options, attach: { handshake: [] } } as never)
    expect(warnings.filter((warning) => warning.includes('identify'))).toEqual(expected)
  })
})

describe('consent that answers with a promise', () => {
  it('is refused at the start, where it is an async function', async () => {
    await expect(startWithConsent({ options: { consent: (async () => false) as never } })).rejects.toThrow(
      `${PREFIX}consent: expected a function that answers at once, received an async function`,
    )
  })

  it('is no consent, and told', async () => {
    const app = await startWithConsent({ options: { consent: (() => Promise.resolve(true)) as never } })
    const answer = await app.visitor().fetch('/set')
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(String(app.errors[0])).toBe(
      `TypeError: ${PREFIX}consent: expected a value, received a promise. It must answer at once: ask before ` +
        'live.middleware(), and put the answer into ctx.state.',
    )
  })
})

describe('what is before the middleware and reads bodies', () => {
  const saving = async (before: Koa.Middleware): Promise<readonly [app: App, status: number]> => {
    const app = await App.start({ before: () => [before], attach: { handshake: [] }, routes: say })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const { status } = await visitor.store({ set: [['division', -1, '', 5]] })
    expect(await visitor.text('/')).toBe(status === 200 ? '5' : '-1')
    return [app, status]
  }
  const left = (ctx: Koa.Context): { body?: unknown } => ctx.request as { body?: unknown }

  it('may be a parser', async () => {
    const [, status] = await saving(async (ctx, next) => {
      if (ctx.method === 'POST') left(ctx).body = JSON.parse(await text(ctx.req))
      await next()
    })
    expect(status).toBe(200)
  })

  it('may be a parser of forms, which leaves an empty object for what it does not read', async () => {
    const [, status] = await saving(async (ctx, next) => {
      left(ctx).body = {}
      await next()
    })
    expect(status).toBe(200)
  })

  it('is told to leave the body where parsers leave it', async () => {
    const [app, status] = await saving(async (ctx, next) => {
      await text(ctx.req)
      await next()
    })
    expect(status).toBe(500)
    expect(app.errors.map(String)).toEqual([
      `TypeError: ${PREFIX}the body of a POST to the endpoint was read before live.middleware() ran: expected it in ` +
        'ctx.request.body, where parsers leave it. Put app.use(live.middleware()) before what reads it',
    ])
  })
})

describe('a database without the table', () => {
  it('is told with what makes it', async () => {
    const db = new Kysely({ dialect: new SqliteDialect({ database: new Database(':memory:') }) })
    const app = await App.start({ options: { store: sqlStore(db) }, routes: say })
    await app.visitor(cookieFor(app.live, {})).fetch('/')
    await db.destroy()
    expect(app.errors).toMatchObject([
      {
        code: 'store_unavailable',
        message: `${PREFIX}the store does not answer: values are in memory and in cookies, and are stored when it does again`,
        cause: {
          message: `${PREFIX}sqlStore: load: no such table: live_session_settings. Run migrateSqlStore(db) once, at a deploy`,
        },
      },
    ])
  })
})

describe('a declaration', () => {
  it('that was forgotten is told', () => {
    expect(() => (defineFields as () => unknown)()).toThrow(
      `${PREFIX}defineFields: expected { key: { schema, default } }, received undefined`,
    )
  })

  it.each([
    ['of the page alone', 'colour', 'undeclared_key', 'expected a declared field that is not hidden from browsers'],
    ['that browsers may only read', 'role', 'not_writable', "expected a field with client: 'write'"],
  ])('%s is told where the page sets it', async (_, key, code, says) => {
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

describe('several processes without an adapter', () => {
  const LATE =
    `${PREFIX}another process has changed values of a page that is open here, and the page was late to hear of it, from the store. ` +
    'Give socket.io an adapter, which tells all processes at once'
  const stale = (warnings: readonly string[]): readonly string[] =>
    warnings.filter((warning) => warning.includes('late'))

  /** Two processes with one store, of which the second has an open page; what it is told once the first has written. */
  async function told(
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
    return stale(two.warnings)
  }
  const set = async ({ live }: App): Promise<unknown> => (await live.user('ann')).set('division', 5)

  it('are told, where an open page has heard late of a change', async () => {
    expect(await told(() => undefined, set)).toEqual([LATE])
  })

  it('are not told of what this process has written itself', async () => {
    expect(
      await told(
        () => undefined,
        (_, own) => set(own),
      ),
    ).toEqual([])
  })

  it('are not told of what this process has just written into the store, which has not answered yet', async () => {
    const [store, gate] = [memoryStore(), new Gate()]
    const late: Store['compareAndSet'] = async (...args) => {
      const isSet = await store.compareAndSet(...args)
      await gate.pass()
      return isSet
    }
    let update: Promise<unknown> | undefined
    const write = async (_: App, { live }: App): Promise<void> => {
      update = (await live.user('ann')).update('division', () => 5)
      await gate.entered
    }
    const slow: Store = { ...store, compareAndSet: late }
    expect(await told(() => undefined, write, slow)).toEqual([])
    gate.open()
    await update
  })

  it('are not told of an update of this process that the store took without an answer', async () => {
    const store = losingStore()
    store.fates.push('silent')
    const update = async (_: App, { live }: App): Promise<unknown> =>
      (await live.user('ann')).update('division', () => 5)
    expect(await told(() => undefined, update, store, { storeTimeout: 20 })).toEqual([])
  })

  it('are not told where an adapter is set', async () => {
    const bus = new Bus()
    expect(await told((io) => bus.join(io), set)).toEqual([])
  })
})
