import { randomBytes } from 'node:crypto'
import { redisStore } from 'koa-live-session/redis'
import { RedisServer } from '../support/servers/redis.js'
import { connectNodeRedis, type RedisConnection } from '../support/servers/redis-clients.js'
import { bundleNode } from './bundle.js'
import { Gateway } from './gateway.js'
import { NodeProcess } from './node-process.js'

const NODES = 3
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

type Registers = Readonly<Record<string, { readonly stamp: number; readonly value?: unknown }>>
/** What a place has of each user. */
export type Held = Readonly<Record<string, Registers>>

/** Three nodes behind a gateway, and the Redis that they share, each a process of its own. */
export class FaultCluster {
  readonly redis: RedisServer
  readonly nodes: readonly NodeProcess[]
  readonly gateway: Gateway
  readonly #connection: RedisConnection

  private constructor(redis: RedisServer, nodes: readonly NodeProcess[], gateway: Gateway, own: RedisConnection) {
    this.redis = redis
    this.nodes = nodes
    this.gateway = gateway
    this.#connection = own
  }

  static async start(): Promise<FaultCluster> {
    const script = await bundleNode()
    const redis = await RedisServer.start(DURABLE)
    const secret = randomBytes(32).toString('base64url')
    const nodes = await Promise.all(Array.from({ length: NODES }, () => NodeProcess.start(script, redis.path, secret)))
    const gateway = await Gateway.start(() => nodes.flatMap(({ port }) => port ?? []))
    return new FaultCluster(redis, nodes, gateway, await connectNodeRedis(redis.path))
  }

  /** What each node and Redis have of these users. */
  async held(ids: readonly string[]): Promise<readonly Held[]> {
    const nodes = this.nodes.map(async ({ port }): Promise<Held> => {
      return (await fetch(`http://127.0.0.1:${port}/dump?ids=${ids.join()}`)).json()
    })
    return Promise.all([...nodes, this.#stored(ids)])
  }

  async stop(): Promise<void> {
    await this.#connection.end()
    await this.gateway.stop()
    await Promise.all(this.nodes.map((node) => node.stop()))
    await this.redis.stop()
  }

  async #stored(ids: readonly string[]): Promise<Held> {
    const store = redisStore(this.#connection.client)
    const entries = ids.map(async (id) => {
      const rows = await store.load(`user:s:${id}`)
      return [id, Object.fromEntries(rows.map(({ key, stamp, value }) => [key, { stamp, value }]))]
    })
    return Object.fromEntries(await Promise.all(entries))
  }
}
