import { randomBytes } from 'node:crypto'
import type { Store } from 'koa-live-session'
import type { Server } from 'socket.io'

/** This process as one of several, which a Redis connects. */
export interface ClusterNode {
  readonly name: string
  /** All of them, in order. */
  readonly names: readonly string[]
  readonly store: Store
  /** Connects a socket.io server with those of the other nodes. */
  connect(io: Server): void
}

/** Joins the cluster that cluster.mjs has started; nothing where this is the only process. */
export async function joinCluster(): Promise<ClusterNode | undefined> {
  const { NODE_NAME: name, NODE_NAMES = '', REDIS_SOCKET: path } = process.env
  if (name === undefined || path === undefined) return undefined
  // Loaded where they are used: a single process starts faster without.
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
      // The proxy reads from it which node has the connection. What follows is as hard to guess as what socket.io makes.
      io.engine.generateId = () => `${name}.${randomBytes(15).toString('base64url')}`
      io.on('connection', (socket) => socket.emit('node', name))
    },
  }
}
