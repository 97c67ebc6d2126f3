import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { redisStore } from 'koa-live-session/redis'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { z } from 'zod'

/** A node of the fault run: a process of its own, told by its parent where to listen, and which user ids there are. */

const { STORE_PATH = '', ADAPTER_PATH = '', SITE_SECRET = '' } = process.env

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  draft: { schema: z.string(), default: '', client: 'write', cookie: false },
  role: { schema: z.string(), default: '' },
  secret: { schema: z.string(), default: '', client: 'hidden' },
})

/** One that tries again at once, as the faults are short. */
async function connect(path: string) {
  const client = createClient({ socket: { path, tls: false, reconnectStrategy: 20 } })
  // What is cut on purpose is told here too.
  client.on('error', () => undefined)
  await client.connect()
  return client
}

process.on('disconnect', () => process.exit())

type Client = Awaited<ReturnType<typeof connect>>

/** The adapter awaits no publish: one that fails would end the process. */
function settleAll(client: Client): void {
  const publish = client.publish.bind(client)
  const settled = (channel: string, message: string): Promise<unknown> => publish(channel, message).catch(() => 0)
  Object.assign(client, { publish: settled })
}

/** The adapter drops the promises of its subscriptions: one that fails once the node is ready would end the process. */
function subscriptionsOf(client: Client): readonly Promise<unknown>[] {
  const made: Promise<unknown>[] = []
  for (const name of ['subscribe', 'pSubscribe'] as const) {
    const subscribe = client[name].bind(client) as (...args: unknown[]) => Promise<unknown>
    const noted = (...args: unknown[]): Promise<unknown> => {
      const subscribed = subscribe(...args)
      made.push(subscribed)
      return subscribed
    }
    Object.assign(client, { [name]: noted })
  }
  return made
}

const [stored, publishing, subscribed] = await Promise.all([STORE_PATH, ADAPTER_PATH, ADAPTER_PATH].map(connect))
if (!stored || !publishing || !subscribed) throw new Error('never')

settleAll(publishing)
const subscriptions = subscriptionsOf(subscribed)
const app = new Koa({ keys: [SITE_SECRET] })
app.silent = true
const live = liveSession(app, {
  fields,
  identify: (ctx) => ctx.cookies.get('user'),
  store: redisStore(stored),
  storeRefresh: 300,
  limits: { changesPerSocket: 1000, changesPerSubject: 1000 },
  onError: () => undefined,
})

async function dump(ids: readonly string[]): Promise<object> {
  const values = await Promise.all(
    ids.map(async (id) => {
      const user = await live.user(id)
      const known = [...user.inspect()].map(([key, { stamp, value }]): [string, object] => [key, { stamp, value }])
      return [id, Object.fromEntries(known)]
    }),
  )
  return Object.fromEntries(values)
}

app.use(live.middleware())
app.use(async (ctx) => {
  const { path, query, liveSession: session } = ctx
  if (path === '/dump') ctx.body = await dump(String(query['ids']).split(','))
  else if (path === '/set') {
    const value = String(query['value'])
    ctx.body = await session.setMany({ role: value, secret: value })
  } else if (path === '/page') ctx.body = session.snapshot()
  else ctx.body = { role: session.get('role'), division: session.get('division') }
})

const http = createServer(app.callback())
const io = new Server(http, { serveClient: false })
io.adapter(createAdapter(publishing, subscribed))
live.attach(io, { handshake: [] })

/** A rolling deploy: what is under way ends, then the process does. */
async function end(): Promise<never> {
  await live.close()
  await io.close()
  process.exit()
}

process.on('SIGTERM', () => void end())
process.on('message', (port: number) => void http.listen(port, '127.0.0.1', () => process.send?.(http.address())))
await Promise.all(subscriptions)
process.send?.('loaded')
