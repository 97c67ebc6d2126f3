import { afterAll, beforeAll, describe, it } from '@jest/globals'
import { redisStore } from 'koa-live-session/redis'
import { storeContract } from 'koa-live-session/testing'
import { describeWithServer } from '../../support/servers/describe-with-server.js'
import { REDIS } from '../../support/servers/installed.js'
import { RedisServer } from '../../support/servers/redis.js'
import { CLIENTS, type RedisConnection } from '../../support/servers/redis-clients.js'

const CONNECTIONS = 4

describeWithServer(REDIS, 'redisStore keeps the contract', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())

  describe.each(CLIENTS)('by %s', (_, connect) => {
    const connections: RedisConnection[] = []
    let turn = 0
    beforeAll(async () => {
      for (let at = 0; at < CONNECTIONS; at += 1) connections.push(await connect(server.path))
    })
    afterAll(async () => {
      for (const each of connections) await each.end()
    })

    const next = async () => {
      const connection = connections[turn++ % CONNECTIONS]
      if (!connection) throw new Error('not connected')
      return redisStore(connection.client)
    }
    for (const { name, run } of storeContract(next)) it(name, run)
  })
})
