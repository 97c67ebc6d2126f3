// What a user takes in a process, and in a Redis: measured with 100,000 users of three registers each, and told for a million.
import { randomUUID } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Koa from 'koa'
import { createClient } from 'redis'
import { z } from 'zod'
import { liveSession } from '../dist/server/index.js'
import { redisStore } from '../dist/server/stores/redis.js'
import { defineFields } from '../dist/shared/index.js'
import { withRedis } from './tools.mjs'

const USERS = 100_000
const MILLION = 1_000_000
/** Users that are written at a time. */
const BATCH = 100

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  theme: { schema: z.string(), default: 'light', client: 'write' },
  cart: { schema: z.array(z.string()), default: [], client: 'write' },
})

export async function memory() {
  await measure('without a store, a process', undefined, heapUsed)
  await withRedis(async (path) => {
    if (path === undefined) return
    const client = createClient({ socket: { path, tls: false } })
    client.on('error', console.error)
    await client.connect()
    const used = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
    const before = await used()
    await measure('with a store, a process', redisStore(client), heapUsed)
    tell('with a store, Redis', (await used()) - before)
    client.destroy()
  })
}

async function measure(title, store, used) {
  const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
  // All of them are to stay in the cache: it keeps between half of so many and all.
  const live = liveSession(app, {
    fields,
    cache: { maxSubjects: 2 * USERS },
    ...(store && { store, storeTimeout: 10_000 }),
  })
  const before = used()
  for (let at = 0; at < USERS; at += BATCH) await Promise.all(Array.from({ length: BATCH }, () => write(live)))
  await live.settled()
  tell(title, used() - before)
  await live.close()
}

async function write(live) {
  const user = await live.user(randomUUID())
  await user.setMany({ division: 3, theme: 'dark', cart: ['tea', 'cups', 'milk'] })
}

function heapUsed() {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

function tell(title, bytes) {
  const each = bytes / USERS
  const million = (each * MILLION) / 1024 ** 2
  console.log(`${title}: ${each.toFixed(0)} bytes a user, so about ${million.toFixed(0)} MB for a million`)
}
