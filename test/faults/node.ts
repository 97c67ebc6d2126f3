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
import { fields } from './fields.js'

/** A node in its own process. `STORE_PATH` decides which store the node has; with Redis, it also has an adapter. */

const { STORE_PATH = '', ADAPTER_PATH = '', SITE_SECRET = '', STORE_REFRESH = '', STORE_TIMEOUT = '' } = process.env
const isPostgres = STORE_PATH.startsWith('postgresql:')
// Bundled beside this file.
const script = readFileSync(new URL('page.mjs', import.meta.url))

/** Connects, and reconnects at once, because the faults are short. */
async function connect(path: string) {
  const client = createClient({ socket: { path, tls: false, reconnectStrategy: 20 } })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function openStore(): Promise<Store> {
  if (!isPostgres) return redisStore(await connect(STORE_PATH))
  const pool = new pg.Pool({ connectionString: STORE_PATH })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  await migrateSqlStore(db)
  return sqlStore(db)
}

/** Opens the adapter. It awaits neither `publish` nor its subscriptions, whose rejection would end the process. */
async function openAdapter(io: Server): Promise<void> {
  const [publishing, subscribed] = [await connect(ADAPTER_PATH), await connect(ADAPTER_PATH)]
  const publish = publishing.publish.bind(publishing)
  const settled = (channel: string, message: string): Promise<unknown> => publish(channel, message).catch(() => 0)
  Object.assign(publishing, { publish: settled })
  const made: Promise<unknown>[] = []
  for (const name of ['subscribe', 'pSubscribe'] as const) {
    const subscribe = subscribed[name].bind(subscribed) as (...args: unknown[]) => Promise<unknown>
    const noted = (...args: unknown[]): Promise<unknown> => {
      const subscription = subscribe(...args)
      made.push(subscription)
      return subscription
    }
    Object.assign(subscribed, { [name]: noted })
  }
  io.adapter(createAdapter(publishing, subscribed))
  await Promise.all(made)
}

process.on('disconnect', () => process.exit())

const app = new Koa({ keys: [SITE_SECRET] })
app.silent = true
const live = liveSession(app, {
  fields,
  identify: (ctx) => ctx.cookies.get('user'),
  ...(STORE_PATH === '' ? {} : { store: await openStore() }),
  ...(STORE_REFRESH === '' ? {} : { storeRefresh: Number(STORE_REFRESH) }),
  ...(STORE_TIMEOUT === '' ? {} : { storeTimeout: Number(STORE_TIMEOUT) }),
  limits: { changesPerSocket: 10_000, changesPerVisitor: 10_000 },
  onError: () => undefined,
})

/** Returns the registers of these users, in memory. */
async function dump(ids: readonly string[]): Promise<object> {
  const values = ids.map(async (id) => {
    const known = [...(await live.user(id)).inspect()]
    return [id, Object.fromEntries(known.map(([key, { stamp, value }]) => [key, { stamp, value }]))]
  })
  return Object.fromEntries(await Promise.all(values))
}

app.use(live.middleware())
app.use(async (ctx) => {
  const { path, query, liveSession: session } = ctx
  const value = String(query['value'])
  if (path === '/dump') ctx.body = await dump(String(query['ids']).split(','))
  else if (path === '/set') ctx.body = await session.setMany({ role: value, secret: value })
  else if (path === '/read') ctx.body = { role: session.get('role'), division: session.get('division') }
  else if (path === '/snapshot') ctx.body = session.snapshot()
  else if (path === '/page.js') {
    ctx.type = 'js'
    ctx.set('Cache-Control', 'max-age=600')
    ctx.body = script
  } else {
    ctx.type = 'html'
    ctx.body = `<!doctype html><link rel=icon href="data:,">${session.embed()}<script type=module src="/page.js"></script>`
  }
})

const http = createServer(app.callback())
const io = new Server(http, { serveClient: false })
if (STORE_PATH !== '' && !isPostgres) await openAdapter(io)
live.attach(io, { handshake: [] })

/** Ends in order, as in a rolling deploy. */
async function end(): Promise<never> {
  await live.close()
  await io.close()
  process.exit()
}

process.on('SIGTERM', () => void end())
process.on('message', (port: number) => void http.listen(port, '127.0.0.1', () => process.send?.(http.address())))
process.send?.('loaded')
