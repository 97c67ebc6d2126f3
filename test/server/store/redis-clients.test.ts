import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import { fromIoredis, redisStore } from 'koa-live-session/redis'
import { createClient, RESP_TYPES } from 'redis'
import { within } from '../../support/app/within.js'
import { describeWithServer } from '../../support/servers/describe-with-server.js'
import { REDIS } from '../../support/servers/installed.js'
import { RedisServer } from '../../support/servers/redis.js'
import { CLIENTS, connectNodeRedis } from '../../support/servers/redis-clients.js'
import { CuttingProxy } from './cutting-proxy.js'

const STAMP = 1_700_000_000_000
const NEW = { key: 'a', stamp: STAMP, value: 'new' }
const DAY = 24 * 60 * 60 * 1000

describe('a mistake in redisStore options', () => {
  const client = { isOpen: true, sendCommand: async () => [] }

  it.each<[string, () => unknown]>([
    ['prefix: expected a text without { and }, received a{b', () => redisStore(client, { prefix: 'a{b' })],
    [
      'maxIdle: expected whole ms, more than 0 and at most 100 years, received 0',
      () => redisStore(client, { maxIdle: 0 }),
    ],
    [
      'maxIdle: expected whole ms, more than 0 and at most 100 years, received Infinity',
      () => redisStore(client, { maxIdle: 1 / 0 }),
    ],
    ['expected a Redis client. Pass createClient(...) of node-redis', () => redisStore(Object(undefined))],
    ['or fromIoredis(client)', () => redisStore(Object(new Redis({ lazyConnect: true })))],
    [
      'fromIoredis: expected no keyPrefix, received "app:". Pass { prefix } to redisStore',
      () => fromIoredis(new Redis({ lazyConnect: true, keyPrefix: 'app:' })),
    ],
  ])('throws: %s', (message, act) => {
    expect(act).toThrow(TypeError)
    expect(act).toThrow(message)
  })
})

describeWithServer(REDIS, 'a client of redisStore', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())

  describe.each([
    ['node-redis', () => createClient({ socket: { path: server.path, tls: false } })],
    ['ioredis', () => fromIoredis(new Redis({ path: server.path, lazyConnect: true }))],
  ])('of %s', (_, create) => {
    it('rejects immediately if never connected', async () => {
      const store = redisStore(create())
      const says = 'koa-live-session: redisStore: the client is not connected to Redis'
      await expect(store.load('s')).rejects.toThrow(says)
      await expect(store.merge('s', [NEW])).rejects.toThrow(says)
      await expect(store.compareAndSet('s', NEW, 0)).rejects.toThrow(says)
      await expect(store.remove('s')).rejects.toThrow(says)
      await expect(store.sweep(Date.now())).rejects.toThrow(says)
      await store.close()
    })
  })

  describe.each(CLIENTS)('of %s', (_, connect) => {
    it('rejects while reconnecting, then works again', async () => {
      const own = await RedisServer.start()
      const connection = await connect(own.path)
      const store = redisStore(connection.client)
      await store.merge('s', [NEW])
      await own.kill()
      // Polls, because the client reports the lost connection by an event.
      const first = await within(
        () => store.load('s').catch(String),
        (answer) => String(answer).includes('is not connected to Redis'),
      )
      expect(first).toContain('is not connected to Redis')
      await own.start()
      const answer = await within(
        () => store.merge('s', [NEW]).catch(() => []),
        (registers) => registers.length > 0,
      )
      expect(answer).toEqual([NEW])
      await connection.end()
      await own.stop()
    })

    it('rejects a compareAndSet whose answer is lost', async () => {
      const proxy = await CuttingProxy.start(server.path)
      const [connection, other] = [await connect(proxy.path), await connect(server.path)]
      const [store, witness] = [redisStore(connection.client), redisStore(other.client)]
      await witness.remove('lost')
      // Makes Redis know the script, so that the client sends EVALSHA.
      await witness.compareAndSet('lost', NEW, 0)
      await store.load('lost')
      const won = { ...NEW, stamp: STAMP + 1, value: 'won' }
      proxy.loseAnswerTo(/EVALSHA/i)
      const answer = await store.compareAndSet('lost', won, STAMP).catch(() => 'rejected')
      // The server executed the script before the other connection’s load.
      expect([answer, await witness.load('lost')]).toEqual(['rejected', [won]])
      await connection.end()
      await other.end()
      await proxy.stop()
    })
  })

  it('must not map types', async () => {
    const client = await createClient({ socket: { path: server.path, tls: false } }).connect()
    await redisStore(client).merge('mapped', [NEW])
    const mapping = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
    await expect(redisStore(mapping).load('mapped')).rejects.toThrow(
      'koa-live-session: redisStore: expected texts from the client. Pass a client without a type mapping',
    )
    client.destroy()
  })

  it('works with RESP 2 and RESP 3', async () => {
    for (const RESP of [2, 3] as const) {
      const client = await createClient({ socket: { path: server.path, tls: false }, RESP }).connect()
      const store = redisStore(client)
      await store.merge(`resp${RESP}`, [NEW])
      expect(await store.load(`resp${RESP}`)).toEqual([NEW])
      expect(await store.compareAndSet(`resp${RESP}`, { ...NEW, stamp: STAMP + 1 }, STAMP)).toBe(true)
      client.destroy()
    }
    const client = await connectNodeRedis(server.path)
    expect(await redisStore(client.client).sweep(Date.now() + DAY)).toBeGreaterThanOrEqual(2)
    await client.end()
  })
})
