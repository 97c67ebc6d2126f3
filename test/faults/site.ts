import { randomBytes } from 'node:crypto'
import { PostgresServer } from '../support/servers/postgres.js'
import { RedisServer } from '../support/servers/redis.js'
import { bundleNode } from './bundle.js'
import { Gateway } from './gateway.js'
import { NodeProcess } from './node-process.js'

export type StoredName = 'nowhere' | 'Redis' | 'PostgreSQL'

/** Options of a Redis that loses nothing in a crash. */
export const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

export interface SiteOptions {
  readonly store: StoredName
  readonly nodes: number
  /** More environment variables for the nodes. */
  readonly env?: NodeJS.ProcessEnv
  readonly redisOptions?: readonly string[]
}

/** Nodes behind a gateway, and their shared Redis, each in its own process. */
export interface Site {
  /** @throws {Error} if the site has another store, or none */
  readonly redis: RedisServer
  readonly nodes: readonly NodeProcess[]
  readonly gateway: Gateway
}

/** Runs a program on a site, and stops the site afterwards. */
export async function onSite<T>(
  { store, nodes: count, env, redisOptions }: SiteOptions,
  run: (site: Site) => Promise<T>,
): Promise<T> {
  const redis = store === 'Redis' ? await RedisServer.start(redisOptions) : undefined
  const postgres = store === 'PostgreSQL' ? await PostgresServer.start() : undefined
  const path = postgres
    ? `postgresql://${postgres.user}@localhost/${postgres.database}?host=${postgres.host}`
    : (redis?.path ?? '')
  const script = await bundleNode()
  const secret = randomBytes(32).toString('base64url')
  const nodes = await Promise.all(Array.from({ length: count }, () => NodeProcess.start(script, path, secret, env)))
  const gateway = await Gateway.start(() => nodes.flatMap(({ port }) => port ?? []))
  const site: Site = {
    get redis() {
      if (!redis) throw new Error(`the store is ${store}, not Redis`)
      return redis
    },
    nodes,
    gateway,
  }
  try {
    return await run(site)
  } finally {
    await gateway.stop()
    await Promise.all(nodes.map((node) => node.stop()))
    await redis?.stop()
    await postgres?.stop()
  }
}
