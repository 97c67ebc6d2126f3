import { once } from 'node:events'
import { Redis } from 'ioredis'
import { fromIoredis, type RedisLike } from 'koa-live-session/redis'
import { createClient } from 'redis'

/** A connection to Redis with either of the two clients. */
export interface RedisConnection {
  readonly client: RedisLike
  end(): Promise<void>
}

export type Connect = (path: string) => Promise<RedisConnection>

export const connectNodeRedis: Connect = async (path) => {
  // With an offline queue, commands would wait for the next connection. The timeout allows for a busy machine.
  const options = { disableOfflineQueue: true, commandOptions: { timeout: 300_000 } }
  const client = createClient({ ...options, socket: { path, tls: false, reconnectStrategy: 10 } })
  // Connections that tests cut on purpose are also reported here.
  client.on('error', () => undefined)
  await client.connect()
  return { client, end: async () => client.destroy() }
}

// After a large answer, the parser of ioredis shrinks its buffer step by step with a timer that no call ends.
const { setInterval: create } = globalThis
Object.assign(globalThis, {
  setInterval: (...given: Parameters<typeof create>) => create(...given).unref(),
})

const connectIoredis: Connect = async (path) => {
  const client = new Redis({ path, lazyConnect: true, retryStrategy: () => 10 })
  client.on('error', () => undefined)
  await client.connect()
  const end = async (): Promise<void> => {
    // An open connection keeps a two-second timer, which would outlive the test.
    if (client.status !== 'ready') await once(client, 'ready')
    const ended = once(client, 'end')
    client.disconnect()
    await ended
  }
  return { client: fromIoredis(client), end }
}

export const CLIENTS: readonly (readonly [name: string, connect: Connect])[] = [
  ['node-redis', connectNodeRedis],
  ['ioredis', connectIoredis],
]
