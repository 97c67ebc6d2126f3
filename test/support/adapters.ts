import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createAdapter as createRedisAdapter, createShardedAdapter } from '@socket.io/redis-adapter'
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { Server } from 'socket.io'
import { type NodeApp, startNodeApp } from './node-app.js'

/** Two nodes of one app that an adapter joins. */
export interface Nodes {
  readonly urls: readonly string[]
  stop(): Promise<void>
}

/** The clients end in an orderly way: adapters do not wait for what they ask of them at the end, and an answer that is missing ends a process. */
type Adapt = (io: Server) => Promise<() => Promise<unknown>>

async function nodeRedis(path: string) {
  const client = createClient({ socket: { path, tls: false, reconnectStrategy: 10 } })
  client.on('error', () => undefined)
  await client.connect()
  return calm(client)
}

/** As docs/scaling.md says: adapters drop the promise of what they publish, and where it rejects a process ends. */
function calm<C extends { publish(...args: never[]): Promise<number> }>(client: C): C {
  const publish = client.publish.bind(client)
  return Object.assign(client, { publish: (...args: never[]) => publish(...args).catch(() => 0) })
}

function ioredis(path: string): Redis {
  const client = new Redis({ path, retryStrategy: () => 10 })
  client.on('error', () => undefined)
  return calm(client)
}

/** Adapters by a Redis at that path; `key` keeps two of them apart. */
export const REDIS_ADAPTERS: Readonly<Record<string, (path: string, key?: string) => Adapt>> = {
  'redis-adapter on node-redis': (path, key) => async (io) => {
    const [pub, sub] = [await nodeRedis(path), await nodeRedis(path)]
    io.adapter(createRedisAdapter(pub, sub, key === undefined ? {} : { key }) as never)
    return () => Promise.all([pub, sub].map((client) => client.close()))
  },
  'redis-adapter on ioredis': (path, key) => async (io) => {
    const [pub, sub] = [ioredis(path), ioredis(path)]
    io.adapter(createRedisAdapter(pub, sub, key === undefined ? {} : { key }) as never)
    return () => Promise.all([pub, sub].map((client) => client.quit()))
  },
  'redis-adapter, sharded': (path, key) => async (io) => {
    const [pub, sub] = [await nodeRedis(path), await nodeRedis(path)]
    io.adapter(createShardedAdapter(pub, sub, key === undefined ? {} : { channelPrefix: key }) as never)
    return () => Promise.all([pub, sub].map((client) => client.close()))
  },
  'redis-streams-adapter': (path, key) => async (io) => {
    const client = await nodeRedis(path)
    const own = key === undefined ? {} : { streamName: key, channelPrefix: key, sessionKeyPrefix: `${key}:` }
    io.adapter(createStreamsAdapter(client, { ...own, blockTimeInMs: 20 }) as never)
    return () => client.close()
  },
}

/** Two nodes in this process, once each has heard of the other. */
export async function startNodes(adapt: Adapt): Promise<Nodes> {
  const servers: Server[] = []
  const start = (): Promise<NodeApp> =>
    startNodeApp((io) => {
      servers.push(io)
      return adapt(io)
    })
  const nodes = [await start(), await start()]
  for (const io of servers) while ((await serverCount(io)) < nodes.length);
  return {
    urls: nodes.map(({ url }) => url),
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  }
}

/** Two workers of a primary, each a process of its own. */
export async function startWorkers(): Promise<Nodes> {
  const file = fileURLToPath(new URL('./cluster-worker.ts', import.meta.url))
  const child = fork(file, { execArgv: ['--import', 'tsx'] })
  const [urls] = await once(child, 'message')
  return {
    urls,
    stop: async () => {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}

/** How many nodes take part, as the adapter knows it. */
function serverCount(io: Server): Promise<number> {
  return io.of('/').adapter.serverCount()
}
