// The server of a whole app, each part in its order: `npm run start:full`. docs/deployment.md has the reasons.
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import Router from '@koa/router'
import { createAdapter } from '@socket.io/redis-adapter'
import Bowser from 'bowser'
import Koa from 'koa'
import helmet from 'koa-helmet'
import { liveSession } from 'koa-live-session'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import session from 'koa-session'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { z } from 'zod'
import { assets } from './assets.js'
import { fields } from './fields.js'
import { pageOf } from './html.js'

const { NODE_ENV, SECRETS, DATABASE = 'full.db', REDIS_URL, HOST = '127.0.0.1', PORT = '3000' } = process.env
const { SESSION_MINUTES = '60' } = process.env // without use
const secure = NODE_ENV === 'production'
if (secure && !SECRETS) throw new Error('SECRETS: expected one or more texts of 32 bytes, separated by commas')
const secrets = SECRETS?.split(',') ?? [randomBytes(32).toString('base64url')] // in development a new one, so guests start over
const http = createServer()

// 1. Where values live: SQL keeps them. With REDIS_URL, Redis sends changes to the other processes.
const database = new Database(DATABASE, { timeout: 1000 })
database.pragma('journal_mode = WAL')
const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) })
await migrateSqlStore(db)
const redis = REDIS_URL ? [createClient({ url: REDIS_URL }), createClient({ url: REDIS_URL })] : []
for (const client of redis) await client.on('error', console.error).connect()

// 2. The middleware: first all that needs no visitor, then the session, then the live session.
const deviceLabel = (ctx: Koa.Context): string => {
  const { browser, os } = Bowser.parse(ctx.get('User-Agent') || '-')
  return `${browser.name || 'Unknown browser'} on ${os.name || 'an unknown system'}`
}
const app = new Koa({ keys: secrets, proxy: secure })
const live = liveSession(app, {
  fields,
  store: sqlStore(db),
  secure,
  identify: (ctx) => ctx.session?.userId,
  deviceLabel,
})
const maxAge = Number(SESSION_MINUTES) * 60_000
const key = secure ? '__Host-session' : 'session'
const sessions = session({ key, store: live.sessionStore(), rolling: true, maxAge, secure }, app)
const inFlight = new Set<Promise<unknown>>()
app.use(async (ctx, next) => {
  if (ctx.path !== '/health') return next()
  ctx.body = 'ok'
})
app.use((_, next) => {
  const answered = next().finally(() => inFlight.delete(answered))
  inFlight.add(answered)
  return answered
})
const directives = { requireTrustedTypesFor: ["'script'"], upgradeInsecureRequests: secure ? [] : null }
app.use(helmet({ contentSecurityPolicy: { directives } }))
const files = await assets(http)
app.use(files.serve)
app.use(sessions)
app.use(live.middleware())
app.use(live.sameOrigin())

// 3. The routes.
const users = new Map([['ann', 'correct horse']]) // yours: a table with password hashes
const isPassword = (name: unknown, password: unknown): name is string =>
  typeof name === 'string' && password !== undefined && users.get(name) === password
const router = new Router()
router.get('/', async (ctx) => {
  const user = ctx.session?.userId
  const devices = user === undefined ? [] : await live.devices(user, { current: ctx })
  ctx.body = await pageOf(ctx.liveSession, devices, files)
})
router.post('/sign-in', async (ctx) => {
  const handed = await ctx.liveSession.takeHandOff('sign-in', z.object({ user: z.string() }))
  const { name, password } = Object(Reflect.get(ctx.request, 'body')) // takeHandOff has read the form
  const user = handed?.user ?? (isPassword(name, password) ? name : undefined)
  if (user !== undefined) {
    ctx.session.userId = user
    await ctx.session.regenerate() // makes a planted id worthless
    await ctx.liveSession.identify()
  }
  await ctx.liveSession.flash(user === undefined ? 'That is not right' : `Welcome, ${user}`)
  ctx.redirect('/')
})
router.post('/sign-out', async (ctx) => {
  ctx.session = null
  await ctx.liveSession.leave()
  ctx.redirect('/')
})
router.post('/sign-out-others', async (ctx) => {
  if (ctx.session?.userId) {
    await ctx.session.regenerate() // ends copies of the cookie, too
    await live.revoke(ctx.session.userId, { except: ctx })
  }
  ctx.redirect('/')
})
app.use(router.routes())

// 4. The sockets.
http.on('request', app.callback())
const io = new Server(http, redis.length > 0 ? { adapter: createAdapter(redis[0], redis[1]) } : {})
live.attach(io, { handshake: [sessions] })
io.on('connection', (socket) => {
  socket.on('sign in', async (name: unknown, password: unknown, answer: unknown) => {
    if (typeof answer !== 'function') return
    if (!isPassword(name, password)) return answer('That is not right')
    await socket.liveSession
      .handOff('sign-in', { user: name }, { to: '/sign-in', user: name })
      .catch(() => answer('post'))
  })
})
const news = setInterval(() => io.to(live.room('stage', 'Studio')).emit('news', 'The studio opens at eight'), 30_000)
http.listen(Number(PORT), HOST, () => console.log(`http://localhost:${PORT}`))

// 5. The end: requests, then values, then sockets, then the clients.
async function end(): Promise<void> {
  setTimeout(() => process.exit(1), 20_000).unref()
  clearInterval(news)
  http.close()
  await Promise.allSettled(inFlight)
  await live.close()
  await io.close()
  for (const client of redis) await client.close()
  await db.destroy()
  process.exit(0)
}
process.once('SIGTERM', end).once('SIGINT', end) // SIGINT: pm2, Ctrl-C
