import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { redisStore } from 'koa-live-session/redis'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { fields } from './leaving-fields.js'

/** A node of the runs in `leaving.ts` and `stalls.ts`, as an app would be deployed: with a store and an adapter where there is a Redis. */

const { STORE_PATH = '', SITE_SECRET = '', STORE_TIMEOUT = '' } = process.env
// Built beside this one.
const script = readFileSync(new URL('leaving-page.mjs', import.meta.url))

async function redis() {
  const client = createClient({ socket: { path: STORE_PATH, tls: false } })
  client.on('error', () => undefined)
  await client.connect()
  const publish = client.publish.bind(client)
  // The adapter awaits no publish: one that fails would end the process.
  const settled = (channel: string, message: string): Promise<unknown> => publish(channel, message).catch(() => 0)
  return Object.assign(client, { publish: settled })
}

process.on('disconnect', () => process.exit())

const app = new Koa({ keys: [SITE_SECRET] })
const live = liveSession(app, {
  fields,
  identify: (ctx) => ctx.cookies.get('user'),
  ...(STORE_PATH === '' ? {} : { store: redisStore(await redis()) }),
  ...(STORE_TIMEOUT === '' ? {} : { storeTimeout: Number(STORE_TIMEOUT) }),
  limits: { changesPerSocket: 1000, changesPerSubject: 1000 },
})
app.use(live.middleware())
app.use((ctx) => {
  if (ctx.path === '/page.js') {
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
if (STORE_PATH !== '') io.adapter(createAdapter(await redis(), await redis()))
live.attach(io, { handshake: [] })

process.on('message', (port: number) => void http.listen(port, '127.0.0.1', () => process.send?.(http.address())))
process.send?.('loaded')
