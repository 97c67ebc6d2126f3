import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { redisStore } from 'koa-live-session/redis'
import { startCluster } from '../support/cluster.js'
import { bring, open, serveSignIn, signIn, TAKE, tokenFor } from '../support/hand-offs.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'
import { connectNodeRedis, type RedisConnection } from '../support/servers/redis-clients.js'

describeWithServer(REDIS, 'threat 4: a hand-off, at two nodes with Redis', () => {
  let server: RedisServer
  let connections: RedisConnection[] = []
  beforeAll(async () => {
    server = await RedisServer.start()
    connections = [await connectNodeRedis(server.path), await connectNodeRedis(server.path)]
  })
  afterAll(async () => {
    for (const { end } of connections) await end()
    await server.stop()
  })

  it('is good once, of 50 times in parallel', async () => {
    // However busy the machine is.
    const options = (node: 1 | 2): object => ({
      store: redisStore(connections[node - 1]?.client as never),
      storeTimeout: 300_000,
    })
    const { one, two } = await startCluster(options, signIn)
    serveSignIn(one)
    const { visitor, socket } = await open(one)
    const token = await tokenFor(socket)
    const other = two.visitor(visitor.cookie)
    const answers = Array.from({ length: 50 }, (_, at) => bring(at % 2 === 0 ? visitor : other, token, {}, TAKE))
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect(statuses.filter((status) => status === 401)).toHaveLength(49)
  })
})
