import { createServer } from 'node:http'
import Koa from 'koa'
import { liveSession, type Store } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { redisStore } from 'koa-live-session/redis'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { z } from 'zod'

/** A process in which pages add to a list; told by its parent where to listen, and by the path what its store is. */

const { STORE_PATH = '', SITE_SECRET = '' } = process.env

const fields = defineFields({ cart: { schema: z.array(z.string()), default: [], client: 'write' } })

async function redisAt(path: string): Promise<Store> {
  const client = createClient({ socket: { path, tls: false } })
  await client.connect()
  return redisStore(client)
}

async function postgresAt(connectionString: string): Promise<Store> {
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString }) }) })
  await migrateSqlStore(db)
  return sqlStore(db)
}

async function storeAt(path: string): Promise<Store> {
  return path.startsWith('postgresql:') ? postgresAt(path) : redisAt(path)
}

process.on('disconnect', () => process.exit())

const app = new Koa({ keys: [SITE_SECRET] })
app.silent = true
const live = liveSession(app, {
  fields,
  ...(STORE_PATH === '' ? {} : { store: await storeAt(STORE_PATH) }),
  limits: { changesPerSocket: 10_000, changesPerSubject: 10_000 },
  onError: () => undefined,
})
app.use(live.middleware())
app.use(async (ctx) => {
  ctx.body = ctx.liveSession.snapshot()
})

const http = createServer(app.callback())
const io = new Server(http, { serveClient: false })
live.attach(io, { handshake: [] })

process.on('message', (port: number) => void http.listen(port, '127.0.0.1', () => process.send?.(http.address())))
process.send?.('loaded')
