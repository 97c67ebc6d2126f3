// One socket.io server of the benchmark, in a process of its own: bare, with what an app without us would write, or ours.
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { z } from 'zod'

/** Where the server is one of several nodes: by which Redis they hear each other, under which prefix. */
const [mode, redis, prefix] = process.argv.slice(2)
const USERS = 16
const options = { perMessageDeflate: false, serveClient: false }

const modes = {
  bare: () => {
    const http = createServer()
    const io = new Server(http, options)
    const values = new Map()
    io.on('connection', (socket) => {
      const { user } = socket.handshake.auth
      socket.join(user)
      socket.on('live_session:sync', ({ set: [[key, , , value] = []] = [] }, ack) => {
        if (key === undefined) return ack({})
        values.set(user, { ...values.get(user), [key]: value })
        io.to(user).emit('store_session', { [key]: value })
        ack({ results: [{ stamp: 1 }] })
      })
    })
    return { http, io, cookies: [] }
  },
  live: () => {
    const app = new Koa({ keys: ['x'.repeat(32)] })
    const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write' } })
    const live = liveSession(app, { fields, limits: { changesPerSocket: 1e6, changesPerSubject: 1e6 } })
    app.use(live.middleware())
    const http = createServer(app.callback())
    const io = new Server(http, options)
    live.attach(io)
    return { http, io, cookies: Array.from({ length: USERS }, () => cookieFor(live, {})) }
  },
}

const { http, io, cookies } = modes[mode]()
if (redis !== undefined) {
  const client = createClient({ socket: { path: redis, tls: false } })
  const subscriber = client.duplicate()
  await Promise.all([client.connect(), subscriber.connect()])
  io.adapter(createAdapter(client, subscriber, { key: prefix }))
  // What was asked for before is there when this is.
  await subscriber.subscribe('ready', () => undefined)
}
http.listen(0, '127.0.0.1', () => process.send({ port: http.address().port, cookies }))
process.on('message', () => process.send({ cpu: process.cpuUsage() }))
