// Servers that send a change in a tab to all tabs of its user. All speak this library's protocol, for a common client.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Router from '@koa/router'
import Koa from 'koa'
import { redisStore } from 'koa-live-session/redis'
import { createSession } from 'koa-session'
import { Server } from 'socket.io'
import { connectRedis } from '../redis-client.mjs'
import { SECRET, startLive } from './app.mjs'

const base = { perMessageDeflate: false, serveClient: false }

/**
 * Calls `set` for each change, and answers like this library, with the returned ticket; the first event, without a change, gets the current
 * value.
 */
function hear(socket, current, set) {
  socket.on('live_session:exchange', async ({ set: [[, , , value] = []] = [] }, ack) => {
    if (value === undefined) return ack({ greeting: [current() ?? 0], results: [] })
    const ticket = await set(value)
    ack({ results: [{ stamp: 1 }], ticket })
  })
}

/** An app without this library: a Map, a room per user, a broadcast, an acknowledgement. */
export function bare({ options }) {
  const http = createServer()
  const io = new Server(http, { ...base, ...options })
  const values = new Map()
  io.on('connection', (socket) => {
    const { user } = socket.handshake.auth
    socket.join(user)
    hear(
      socket,
      () => values.get(user),
      (value) => {
        values.set(user, value)
        io.to(user).emit('store_session', value)
      },
    )
  })
  return { http, io }
}

/** The same round trip as this library's, over Koa and koa-session: without a signature, a check or a merge. */
export function unsigned({ options }) {
  const app = new Koa()
  app.use(createSession({ signed: false }, app))
  const router = new Router()
  router.post('/store_session', async (ctx) => {
    const { tickets } = JSON.parse(Buffer.concat(await ctx.req.toArray()).toString())
    for (const ticket of tickets) ctx.session.division = JSON.parse(ticket)
    ctx.body = {}
  })
  app.use(router.routes())
  const http = createServer(app.callback())
  const io = new Server(http, { ...base, ...options })
  io.on('connection', (socket) => {
    const { user } = socket.handshake.auth
    socket.join(user)
    hear(
      socket,
      () => undefined,
      (value) => {
        const ticket = JSON.stringify({ value, stamp: Date.now() })
        io.to(user).emit('store_session', ticket)
        return ticket
      },
    )
  })
  return { http, io }
}

/** "How to use with express-session", socket.io's own recipe, with the session in Redis. */
export async function expressSession({ options, folder, redis }) {
  const { resolve } = createRequire(join(folder, 'package.json'))
  const load = (name) => import(pathToFileURL(resolve(name)).href)
  const [{ default: express }, { default: session }] = [await load('express'), await load('express-session')]
  const { RedisStore } = await load('connect-redis')
  const client = await connectRedis(redis)
  const app = express()
  const store = new RedisStore({ client, prefix: 'recipe:' })
  const middleware = session({ secret: SECRET, resave: true, saveUninitialized: true, store })
  app.use(middleware)
  app.get('/begin', (_, res) => res.send('begun'))
  const http = createServer(app)
  const io = new Server(http, { ...base, ...options })
  io.engine.use(middleware)
  io.on('connection', (socket) => {
    const { request } = socket
    socket.join(request.session.id)
    const set = async (value) => {
      await new Promise((resolve, reject) =>
        request.session.reload((error) => {
          if (error) return reject(error)
          request.session.division = value
          request.session.save((failure) => (failure ? reject(failure) : resolve()))
        }),
      )
      io.to(request.session.id).emit('store_session', value)
    }
    hear(socket, () => request.session.division, set)
  })
  return { http, io }
}

export async function live({ options, stored, redis }) {
  const { app, live } = startLive(stored ? { store: redisStore(await connectRedis(redis)) } : {})
  const http = createServer(app.callback())
  const io = new Server(http, { ...base, ...options })
  live.attach(io)
  return { http, io }
}
