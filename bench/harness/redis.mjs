import { support } from './support.mjs'

/** Calls `run` with the Unix socket of a new Redis, or with undefined if redis-server is not installed. */
export async function withRedis(run) {
  const { find, REDIS } = await support('servers/installed')
  if (find(REDIS) === undefined) {
    console.log(`left out: Redis is not installed (Debian: apt-get install -y ${REDIS.package})`)
    return run(undefined)
  }
  const { RedisServer } = await support('servers/redis')
  const server = await RedisServer.start()
  try {
    return await run(server.path)
  } finally {
    await server.stop()
  }
}
