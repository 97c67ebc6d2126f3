import { randomBytes } from 'node:crypto'
import type { Store } from 'koa-live-session'
import type { Server } from 'socket.io'

/** This process as a node of the cluster, connected by Redis. */
export interface ClusterNode {
  readonly name: string
  /** The names of all nodes, in order. */
  readonly names: readonly string[]
  readonly store: Store
  /** Connects a socket.io server to those of the other nodes. */
  connect(io: Server): void
}

/** Joins the cluster of cluster.mjs; resolves with undefined for a single process. */
export async function joinCluster(): Promise<ClusterNode | undefined> {
  const { NODE_NAME: name, NODE_NAMES = '', REDIS_SOCKET: path } = process.env
  if (name === undefined || path === undefined) return undefined
  // Load lazily: a single process starts faster without these packages.
  const [{ createAdapter }, { redisStore }, { createClient }] = await Promise.all([
    import('@socket.io/redis-streams-adapter'),
    import('koa-live-session/redis'),
    import('redis'),
  ])
  const client = createClient({ socket: { path, tls: false } })
  client.on('error', (error) => console.error(error))
  await client.connect()
  return {
    name,
    names: NODE_NAMES.split(','),
    store: redisStore(client),
    connect: (io) => {
      io.adapter(createAdapter(client))
      // The proxy reads from the id which node has the connection. The rest is as hard to guess as socket.io's own ids.
      io.engine.generateId = () => `${name}.${randomBytes(15).toString('base64url')}`
      io.on('connection', (socket) => socket.emit('node', name))
    },
  }
}
