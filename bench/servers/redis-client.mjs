import { createClient } from 'redis'

/** @param path of the Redis server's Unix socket */
export async function connectRedis(path) {
  const client = createClient({ socket: { path, tls: false } })
  client.on('error', console.error)
  return client.connect()
}
