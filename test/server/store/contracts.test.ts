import { afterAll, beforeAll, describe, it } from '@jest/globals'
import { redisStore } from 'koa-live-session/redis'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { storeContract } from 'koa-live-session/testing'
import type { Store } from '../../../server/types/store.js'
import { describeWithServer } from '../../support/servers/describe-with-server.js'
import { describeWithSql } from '../../support/servers/describe-with-sql.js'
import { REDIS } from '../../support/servers/installed.js'
import { RedisServer } from '../../support/servers/redis.js'
import { CLIENTS } from '../../support/servers/redis-clients.js'

function keepsContract(connect: () => Promise<Store>): void {
  const stores: Store[] = []
  let turn = 0
  beforeAll(async () => {
    for (let at = 0; at < 4; at += 1) stores.push(await connect())
  })
  const next = async (): Promise<Store> => {
    const store = stores[turn++ % stores.length]
    if (!store) throw new Error('not connected')
    return store
  }
  for (const { name, run } of storeContract(next)) it(name, run)
}

describeWithServer(REDIS, 'redisStore keeps the contract', () => {
  const ends: (() => Promise<unknown>)[] = []
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(async () => {
    for (const end of ends) await end()
    await server.stop()
  })

  describe.each(CLIENTS)('by %s', (_, connect) => {
    keepsContract(async () => {
      const { client, end } = await connect(server.path)
      ends.push(end)
      return redisStore(client)
    })
  })
})

describeWithSql('sqlStore keeps the contract', (place) => {
  keepsContract(async () => {
    const database = place().connect()
    await migrateSqlStore(database)
    return sqlStore(database)
  })
})
