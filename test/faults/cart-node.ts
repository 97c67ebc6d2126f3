import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import Koa from 'koa'
import { liveSession, type Store } from 'koa-live-session'
import { redisStore } from 'koa-live-session/redis'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { fields } from './cart-fields.js'

/** A node whose pages add to a cart. The store's path decides which store it has; with Redis it has an adapter, too. */

const { STORE_PATH = '', SITE_SECRET = '', STORE_TIMEOUT = '' } = process.env
const isPostgres = STORE_PATH.startsWith('postgresql:')
// Bundled beside this file.
const script = readFileSync(new URL('cart-page.mjs', import.meta.url))

async function redis() {
  const client = createClient({ socket: { path: STORE_PATH, tls: false } })
  client.on('error', () => undefined)
  await client.connect()
  const publish = client.publish.bind(client)
  // The adapter does not await `publish`, so that a rejection would end the process.
  const settled = (channel: string, message: string): Promise<unknown> => publish(channel, message).catch(() => 0)
  return Object.assign(client, { publish: settled })
}

async function openStore(): Promise<Store> {
  if (!isPostgres) return redisStore(await redis())
  const pool = new pg.Pool({ connectionString: STORE_PATH })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  await migrateSqlStore(db)
  return sqlStore(db)
}

process.on('disconnect', () => process.exit())

const app = new Koa({ keys: [SITE_SECRET] })
app.silent = true
const live = liveSession(app, {
  fields,
  identify: (ctx) => ctx.cookies.get('user'),
  ...(STORE_PATH === '' ? {} : { store: await openStore() }),
  ...(STORE_TIMEOUT === '' ? {} : { storeTimeout: Number(STORE_TIMEOUT) }),
  limits: { changesPerSocket: 10_000, changesPerSubject: 10_000 },
  onError: () => undefined,
})
app.use(live.middleware())
app.use((ctx) => {
  if (ctx.path === '/snapshot') {
    ctx.body = ctx.liveSession.snapshot()
  } else if (ctx.path === '/page.js') {
    ctx.type = 'js'
    ctx.set('Cache-Control', 'max-age=600')
    ctx.body = script
  } else {
    ctx.type = 'html'
    ctx.body = `<!doctype html><link rel=icon href="data:,">${ctx.liveSession.embed()}<script type=module src="/page.js"></script>`
  }
})

const http = createServer(app.callback())
const io = new Server(http, { serveClient: false })
if (STORE_PATH !== '' && !isPostgres) io.adapter(createAdapter(await redis(), await redis()))
live.attach(io, { handshake: [] })

process.on('message', (port: number) => void http.listen(port, '127.0.0.1', () => process.send?.(http.address())))
process.send?.('loaded')
