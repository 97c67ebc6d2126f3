import { createClient } from 'redis'

/** @param path of its unix socket */
export async function connectRedis(path) {
  const client = createClient({ socket: { path, tls: false } })
  client.on('error', console.error)
  return client.connect()
}
