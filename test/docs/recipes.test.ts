import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals'
import Koa, { type Middleware } from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { redisStore } from 'koa-live-session/redis'
import session from 'koa-session'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { appFields } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { Gate } from '../support/app/gate.js'
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
