import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import Koa, { type Context, type Middleware } from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { redisStore } from 'koa-live-session/redis'
import { memoryStore, testClock } from 'koa-live-session/testing'
import session from 'koa-session'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { z } from 'zod'
import { App, appFields } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { Gate } from '../support/app/gate.js'
import { send } from '../support/app/raw-http.js'
import { type Action, all, identifyNow, SessionApp } from '../support/app/sessions.js'
import { HOUR } from '../support/app/times.js'
import { Visitor } from '../support/app/visitor.js'
import { runSnippet } from '../support/docs/run-snippet.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'

const PAGE = 'docs/recipes.md'
const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

describe(`act-as.ts of ${PAGE}`, () => {
  const LIFETIME = 8 * HOUR
  const { identify, actAs } = runSnippet('act-as.ts', PAGE, {}) as { identify: never; actAs(isStaff: unknown): Action }
  const act = actAs((id: unknown) => id === 'staff')
  const clock = testClock(500_000 * HOUR)

  interface Desk {
    readonly node: SessionApp
    readonly desk: Visitor
    /** The user of the desk's session and the acting user. */
    seen(): Promise<unknown>
    switchTo(user?: string): Promise<number>
    devices(user: string): Promise<number>
  }

  /** A desk at which staff have signed in, and act as Ann. */
  async function actingAsAnn(): Promise<Desk> {
    const session = { rolling: true, maxAge: LIFETIME }
    const node = await SessionApp.start({ clock, lifetime: LIFETIME, session, options: { identify } })
    const desk = node.visitor()
    const acting: Desk = {
      node,
      desk,
      seen: () => node.ask(desk, (ctx) => [ctx['session'].userId ?? null, ctx.liveSession.userId ?? null]),
      switchTo: async (user) => {
        const path = user === undefined ? '' : `?user=${user}`
        return (await node.fetch(desk, act, { method: 'POST' }, path)).status
      },
      devices: async (user) => (await node.app.live.devices(user)).length,
    }
    await node.ask(
      desk,
      all((ctx) => void Object.assign(ctx['session'], { userId: 'staff' }), identifyNow),
    )
    expect(await acting.switchTo('ann')).toBe(302)
    expect(await acting.seen()).toEqual(['staff', 'ann'])
    return acting
  }

  it('returns to the own account, and lists the browser for the account in use', async () => {
    const { seen, switchTo, devices } = await actingAsAnn()
    expect([await devices('ann'), await devices('staff')]).toEqual([1, 0])
    expect(await switchTo()).toBe(302)
    expect(await seen()).toEqual(['staff', 'staff'])
    expect([await devices('ann'), await devices('staff')]).toEqual([0, 1])
  })

  it.each<[string, (desk: Desk) => unknown]>([
    [
      'the customer ends the device',
      async ({ node: { app } }) => {
        const [device] = await app.live.devices('ann')
        await app.live.endDevice('ann', device?.name ?? '')
      },
    ],
    ['the customer signs out everywhere else', ({ node: { app } }) => app.live.revoke('ann')],
    [
      'the customer signs out everywhere else after the return',
      async ({ node: { app }, switchTo }) => {
        await switchTo()
        await app.live.revoke('ann')
      },
    ],
    ['the staff are revoked', ({ node: { app } }) => app.live.revoke('staff')],
    [
      'maxLifetime is over, counted from the sign-in',
      async ({ seen }) => {
        clock.advance(LIFETIME / 2)
        expect(await seen()).toEqual(['staff', 'ann'])
        clock.advance(LIFETIME / 2)
      },
    ],
  ])('ends and cannot return once %s', async (_, end) => {
    const desk = await actingAsAnn()
    await end(desk)
    expect(await desk.seen()).toEqual([null, null])
    expect(await desk.switchTo()).toBe(403)
  })

  it('is refused to others', async () => {
    const { node, seen, desk, switchTo } = await actingAsAnn()
    await node.ask(
      desk,
      all((ctx) => void Object.assign(ctx['session'], { userId: 'bob', actsAs: undefined }), identifyNow),
    )
    expect(await switchTo('ann')).toBe(403)
    expect(await seen()).toEqual(['bob', 'bob'])
  })
})

it(`tenants.ts of ${PAGE}: a session of one tenant is a guest's at another host`, async () => {
  const { identify } = runSnippet('tenants.ts', PAGE, {}) as { identify: never }
  const app = await App.start({
    before: (koa) => [session({}, koa)],
    options: { identify },
    routes: (ctx) => {
      if (ctx.path === '/sign-in') ctx['session'] = { userId: 1, tenant: ctx.hostname }
      ctx.body = ctx.liveSession.userId ?? 'a guest'
    },
  })
  const { headers } = await send(`${app.url}/sign-in`, { headers: { host: 'red.example' } })
  const cookie = headers['set-cookie']?.map((text) => text.split(';')[0]).join('; ') ?? ''
  const at = async (host: string): Promise<string> => (await send(app.url, { headers: { host, cookie } })).text
  expect([await at('red.example'), await at('blue.example')]).toEqual(['red.example 1', 'a guest'])
})

describe(`copy-area.ts of ${PAGE}`, () => {
  const region = { schema: z.string(), default: 'all', client: 'write', maxBytes: 200 } as const
  const copyArea = runSnippet('copy-area.ts', PAGE, {})['copyArea'] as Middleware
  const time = testClock()
  /** The build that knows the former name alone. */
  const startFormer = (options: object): Promise<App<never>> =>
    App.start({ fields: defineFields({ area: region }), clock: time, options, routes: say('area') } as never)
  const startNext = (options: object): Promise<App<never>> =>
    App.start({
      fields: defineFields({ region, area: region }),
      clock: time,
      options,
      routes: (ctx: Context) => copyArea(ctx, async () => say('region')(ctx)),
    } as never)
  const say =
    (key: string) =>
    (ctx: Context): void => {
      ctx.body = String(ctx.liveSession.get(key as never))
    }
  const set = async (visitor: Visitor, key: string, value: string): Promise<void> => {
    time.advance(1)
    expect((await visitor.store({ set: [[key, -1, '', value]] })).status).toBe(200)
  }

  it.each<[string, () => object]>([
    ['the cookie', () => ({})],
    ['a store', () => ({ store: memoryStore(), identify: () => 'ann' })],
  ])('takes over the newer choice of old and new builds, from %s', async (_, given) => {
    const options = given()
    const former = await startFormer(options)
    const browser = former.visitor()
    await browser.fetch('/')
    await set(browser, 'area', 'north')
    const next = await startNext(options)
    const moved = next.visitor(browser.cookie)
    expect(await moved.text('/')).toBe('north')
    await set(moved, 'region', 'south')
    expect(await moved.text('/')).toBe('south')
    // A page of the old build.
    await set(moved, 'area', 'west')
    expect([await moved.text('/'), await moved.text('/')]).toEqual(['west', 'west'])
    // An old process, beside the new one.
    expect(await former.visitor(moved.cookie).text('/')).toBe('west')
  })
})

describeWithServer(REDIS, `threat 109: koa-session and Redis, as in ${PAGE}`, () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  afterAll(() => redis.stop())

  /** The recipe on a free port, without its adapter. GET /held waits at the gate, after koa-session has read the session. */
  async function start(gate: Gate): Promise<Visitor> {
    process.env['SECRET'] = 'a secret of at least thirty-two bytes'
    const data = createClient({ socket: { path: redis.path, tls: false } })
    await data.on('error', () => undefined).connect()
    ends.push(() => data.close())
    const http = createServer()
    const given = {
      Koa: class extends Koa {
        override listen(): HttpServer {
          return http.on('request', this.callback()).listen(0, '127.0.0.1')
        }
      },
      Server: class extends Server {
        constructor(server: HttpServer) {
          super(server)
          ends.push(() => this.close())
        }
      },
      liveSession: (...options: Parameters<typeof liveSession>) => {
        const live = liveSession(...options)
        ends.push(() => live.close())
        return live
      },
      session: (...options: Parameters<typeof session>): Middleware => {
        const sessions = session(...options)
        return (ctx, next) =>
          sessions(ctx, async () => {
            if (ctx.path === '/held') await gate.pass()
            await next()
          })
      },
      fields: defineFields({ cart: appFields.cart, plan: appFields.role }),
      webhook: () => (_: unknown, next: () => unknown) => next(),
      createAdapter: () => undefined,
      redisStore,
      data,
      redis: undefined,
    }
    runSnippet('sign-in.ts', PAGE, given)
    if (!http.listening) await once(http, 'listening')
    return new Visitor(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  }

  const userOf = async (visitor: Visitor): Promise<unknown> => JSON.parse(await visitor.text('/')).user

  it('keeps a visitor signed out despite a request under way', async () => {
    const gate = new Gate()
    const visitor = await start(gate)
    await visitor.fetch('/sign-in', { method: 'POST' })
    expect(await userOf(visitor)).toBe('ann')
    const copy = new Visitor(visitor.url, visitor.cookie)
    const held = visitor.fetch('/held')
    await gate.entered
    await visitor.fetch('/sign-out', { method: 'POST' })
    gate.open()
    await held
    expect([await userOf(visitor), await userOf(copy)]).toEqual(['guest', 'guest'])
  })
})
