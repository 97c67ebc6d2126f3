import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createAdapter as createRedisAdapter, createShardedAdapter } from '@socket.io/redis-adapter'
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { Server } from 'socket.io'
import { type NodeApp, startNodeApp } from '../servers/node-app.js'

/** Two nodes of an app, connected by an adapter. */
export interface Nodes {
  readonly urls: readonly string[]
  stop(): Promise<void>
}

/** Resolves with a function to close the clients in order: adapters do not await their last commands, whose loss would end the process. */
type Adapt = (io: Server) => Promise<() => Promise<unknown>>

async function nodeRedis(path: string) {
  const client = createClient({ socket: { path, tls: false, reconnectStrategy: 10 } })
  client.on('error', () => undefined)
  await client.connect()
  return calm(client)
}

/** Handles rejections of `publish`, as docs/scaling.md says: adapters drop its promise, and a rejection would end the process. */
function calm<C extends { publish(...args: never[]): Promise<number> }>(client: C): C {
  const publish = client.publish.bind(client)
  return Object.assign(client, { publish: (...args: never[]) => publish(...args).catch(() => 0) })
}

function ioredis(path: string): Redis {
  const client = new Redis({ path, retryStrategy: () => 10 })
  client.on('error', () => undefined)
  return calm(client)
}

/** Adapters on a Redis at this path; `key` keeps two adapters apart. */
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

/** Starts two nodes in this process, and waits until each knows of the other. */
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

/** Starts two workers of a primary, each in its own process. */
export async function startWorkers(): Promise<Nodes> {
  const file = fileURLToPath(new URL('../servers/cluster-worker.ts', import.meta.url))
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

function serverCount(io: Server): Promise<number> {
  return io.of('/').adapter.serverCount()
}
