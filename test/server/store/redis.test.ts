import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { redisStore } from 'koa-live-session/redis'
import { testClock } from 'koa-live-session/testing'
import { type InvalidRegister, validRegisters } from '../../../server/store/validated-store.js'
import type { Store } from '../../../server/types/store.js'
import { wordsOf } from '../../support/docs/readme.js'
import { describeWithServer } from '../../support/servers/describe-with-server.js'
import { REDIS } from '../../support/servers/installed.js'
import { RedisServer } from '../../support/servers/redis.js'
import { connectNodeRedis, type RedisConnection } from '../../support/servers/redis-clients.js'

const STAMP = 1_700_000_000_000
const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
const KEY = 'live-session:{s}'
const NEW = { key: 'a', stamp: STAMP, value: 'new' }

describeWithServer(REDIS, 'redisStore', () => {
  let server: RedisServer
  let connection: RedisConnection
  let store: Store
  beforeAll(async () => {
    server = await RedisServer.start()
    connection = await connectNodeRedis(server.path)
    store = redisStore(connection.client)
  })
  afterAll(async () => {
    await connection.end()
    await server.stop()
  })
  beforeEach(() => redis('FLUSHALL'))

  const redis = (...args: string[]): Promise<unknown> => connection.client.sendCommand(args)
  const idle = async (): Promise<number> => Number(await redis('PTTL', KEY))
  const age = (ms: number): Promise<unknown> => redis('HSET', KEY, '', String(Date.now() - ms))

  describe('keeps a subject', () => {
    const USES: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['load', () => store.load('s')],
      ['merge', () => store.merge('s', [NEW])],
      ['compareAndSet', () => store.compareAndSet('s', { ...NEW, stamp: STAMP + 1 }, STAMP)],
    ]

    it('as a hash, with a field per register, for 100 days', async () => {
      await store.merge('s', [NEW, { key: 'b', stamp: STAMP + 1 }])
      expect(await redis('KEYS', '*')).toEqual([KEY])
      expect([await redis('HGET', KEY, 'a'), await redis('HGET', KEY, 'b')]).toEqual([`${STAMP} "new"`, `${STAMP + 1}`])
      expect(await idle()).toBeGreaterThan(100 * DAY - HOUR)
      expect(await idle()).toBeLessThanOrEqual(100 * DAY)
    })

    it('with the ids of updates, separated by a tab', async () => {
      const ids = [
        ['one', STAMP],
        ['two', STAMP + 1],
      ] as const
      const rows = [
        { key: 'a', stamp: STAMP, value: 'x', ids },
        { key: 'b', stamp: STAMP, ids },
      ]
      expect(await store.merge('s', rows)).toEqual(rows)
      const text = `one:${STAMP},two:${STAMP + 1}`
      expect(await redis('HGET', KEY, 'a')).toBe(`${STAMP} "x"\t${text}`)
      expect(await redis('HGET', KEY, 'b')).toBe(`${STAMP} \t${text}`)
    })

    it.each(
      USES.flatMap(([use, act]) =>
        [['99 days idle', 99 * DAY] as const, ['of the future', -365 * DAY] as const, ['persisted'] as const].map(
          ([last, ms]) => [use, last, act, ms] as const,
        ),
      ),
    )('for 100 days after a %s of a subject %s', async (_use, _last, act, ms) => {
      await store.merge('s', [NEW])
      if (ms === undefined) await redis('PERSIST', KEY)
      else {
        await age(ms)
        await redis('PEXPIRE', KEY, String(DAY))
      }
      await act()
      expect(await idle()).toBeGreaterThan(99 * DAY)
      expect(await store.sweep(Date.now())).toBe(0)
    })

    it('without a write, if the last use was within an hour', async () => {
      await store.merge('s', [NEW])
      const changes = async (): Promise<unknown> =>
        /rdb_changes_since_last_save:(\d+)/.exec(String(await redis('INFO', 'persistence')))?.[1]
      const before = await changes()
      await store.load('s')
      await store.load('of no one')
      expect(await changes()).toBe(before)
      await age(HOUR + 1)
      await store.load('s')
      expect(await changes()).not.toBe(before)
    })

    it('for maxIdle', async () => {
      await redisStore(connection.client, { maxIdle: 5000 }).merge('s', [NEW])
      expect(await idle()).toBeLessThanOrEqual(5000)
    })
  })

  it('reads JSON with tabs, as other programs may write', async () => {
    await redis('HSET', KEY, 'a', `${STAMP} {\t"b":\t1}`)
    expect(await store.load('s')).toEqual([{ key: 'a', stamp: STAMP, value: { b: 1 } }])
  })

  describe('sweeps', () => {
    it('subjects only an hour after the limit, as uses are noted late', async () => {
      await store.merge('s', [NEW])
      await age(3 * HOUR)
      expect(await store.sweep(Date.now() - 3 * HOUR)).toBe(0)
      expect(await store.sweep(Date.now() - 2 * HOUR + 1000)).toBe(1)
    })

    it('by the clock of its options', async () => {
      const clock = testClock()
      const clocked = redisStore(connection.client, { clock: clock.now })
      await clocked.merge('s', [NEW])
      clock.advance(3 * HOUR)
      expect(await clocked.sweep(clock.now() - 3 * HOUR)).toBe(0)
      expect(await clocked.sweep(clock.now() - 2 * HOUR + 1000)).toBe(1)
    })

    it('guests sooner than the rest', async () => {
      for (const subject of ['browser:b', 'user:s:browser:b', 's']) await store.merge(subject, [NEW])
      expect(await store.sweep(Date.now() - DAY, { guests: Date.now() + DAY })).toBe(1)
      expect(await store.load('browser:b')).toEqual([])
      expect(await redis('DBSIZE')).toBe(2)
    })

    it('several batches of keys', async () => {
      const subjects = Array.from({ length: 1500 }, (_, index) => `s${index}`)
      await Promise.all(subjects.map((subject) => store.merge(subject, [NEW])))
      expect(await store.sweep(Date.now() + DAY)).toBe(1500)
      expect(await redis('DBSIZE')).toBe(0)
    })

    it('no keys of other programs', async () => {
      await redis('SET', 'live-session:{text}', 'x')
      await redis('HSET', 'live-session:{hash}', 'a', 'of another program')
      await redis('HSET', 'other:{s}', '', '1')
      expect(await store.sweep(Date.now() + DAY)).toBe(0)
      expect(await redis('DBSIZE')).toBe(3)
    })

    it('no subject idle for maxIdle, which Redis itself expires', async () => {
      await store.merge('s', [NEW])
      await age(300 * DAY)
      expect(await store.sweep(Date.now() - 100 * DAY)).toBe(0)
    })
  })

  it.each(['b:', 'a:b:', '*', 'a*', 'a?', '[a]:', 'a\\', ''])(
    'with the prefix %p shares nothing with another prefix',
    async (prefix) => {
      const [one, other] = [redisStore(connection.client, { prefix }), redisStore(connection.client, { prefix: 'a:' })]
      await other.merge('s', [NEW])
      expect(await one.load('s')).toEqual([])
      await one.merge('s', [{ ...NEW, value: 'own' }])
      expect(await other.load('s')).toEqual([NEW])
      expect(await one.sweep(Date.now() + DAY)).toBe(1)
      await one.remove('s')
      expect(await other.load('s')).toEqual([NEW])
    },
  )

  it('continues when SCRIPT FLUSH removes its scripts', async () => {
    const other = await connectNodeRedis(server.path)
    const writes = Array.from({ length: 200 }, (_, index) => ({
      key: `k${index % 7}`,
      stamp: STAMP + index,
      value: index,
    }))
    await Promise.all(
      writes.map((write, index) => {
        if (index % 3 === 0) void other.client.sendCommand(['SCRIPT', 'FLUSH'])
        return index % 2 === 0 ? store.merge('s', [write]) : store.load('s')
      }),
    )
    expect(Math.max(...(await store.load('s')).map(({ stamp }) => stamp))).toBe(STAMP + 198)
    await other.end()
  })

  it('rejects with an explanation if a key has another type', async () => {
    await redis('SET', KEY, 'of another program')
    const says =
      'koa-live-session: redisStore: expected a hash at "live-session:{s}", which another program has written'
    await expect(store.load('s')).rejects.toThrow(says)
    await expect(store.merge('s', [NEW])).rejects.toThrow(says)
    await expect(store.compareAndSet('s', NEW, 0)).rejects.toThrow(says)
    expect(await redis('GET', KEY)).toBe('of another program')
  })

  it.each<[string, string, () => Promise<unknown>, () => Promise<unknown>]>([
    [
      'without free memory',
      'OOM',
      () => redis('CONFIG', 'SET', 'maxmemory', '1'),
      () => redis('CONFIG', 'SET', 'maxmemory', '0'),
    ],
    ['from a replica', 'READONLY', () => redis('REPLICAOF', '127.0.0.1', '1'), () => redis('REPLICAOF', 'NO', 'ONE')],
  ])('reads %s, and rejects writes as a whole', async (_, error, begin, end) => {
    await store.merge('s', [NEW])
    await age(DAY)
    await begin()
    const next = { ...NEW, stamp: STAMP + 1 }
    try {
      await expect(store.merge('s', [next, { key: 'b', stamp: STAMP }])).rejects.toThrow(error)
      await expect(store.compareAndSet('s', next, STAMP)).rejects.toThrow(error)
      expect(await store.load('s')).toEqual([NEW])
    } finally {
      await end()
    }
  })

  describe('threat 27: a bad row', () => {
    const BAD = {
      'no stamp': 'x "1"',
      empty: ' ',
      'no value': `${STAMP} `,
      'no JSON': `${STAMP} {"a":`,
      'a prototype': `${STAMP} {"__proto__":{"polluted":1}}`,
      'a stamp too large': '9007199254740992 1',
      'a stamp of many digits': `${'9'.repeat(400)} 1`,
      'a stamp with a sign': '-5 1',
      'a stamp with a fraction': '1.5 1',
      'a stamp in hex': '0x10 1',
      'a stamp of 0': '0 1',
    }

    it('is reported, and the other rows load', async () => {
      await store.merge('s', [NEW])
      await redis('HSET', KEY, ...Object.entries(BAD).flat())
      const faults: InvalidRegister[] = []
      expect(validRegisters(await store.load('s'), Date.now(), (fault) => faults.push(fault))).toEqual([NEW])
      expect(faults.map(({ key }) => key).sort()).toEqual(Object.keys(BAD).sort())
    })

    it.each(Object.entries(BAD))('is replaced by the next write or compareAndSet: %s', async (key, cell) => {
      await redis('HSET', KEY, key, cell)
      const write = { key, stamp: STAMP + 1, value: 'valid' }
      expect(await store.merge('s', [write])).toEqual([write])
      await redis('HSET', KEY, key, cell)
      let stamp = 0
      validRegisters(await store.load('s'), Date.now(), (fault) => {
        stamp = fault.stamp ?? 0
      })
      expect(await store.compareAndSet('s', write, stamp)).toBe(true)
      expect(await store.load('s')).toEqual([write])
    })

    it('without a valid time of use is kept by a sweep', async () => {
      await store.merge('s', [NEW])
      await redis('HSET', KEY, '', 'yesterday')
      expect(await store.sweep(Date.now() + DAY)).toBe(0)
      expect(await store.load('s')).toEqual([NEW])
      expect(Number(await redis('HGET', KEY, ''))).toBeGreaterThan(STAMP)
    })
  })

  it('needs only the rights in docs/stores-reference.md', async () => {
    const rights = wordsOf('acl', 'docs/stores-reference.md')
    await redis('ACL', 'SETUSER', 'live', 'on', 'nopass', 'resetkeys', '-@all', '+auth', ...rights)
    const limited = await connectNodeRedis(server.path)
    await limited.client.sendCommand(['AUTH', 'live', ''])
    await redis('SCRIPT', 'FLUSH')
    const own = redisStore(limited.client)
    await own.merge('s', [NEW])
    expect(await own.load('s')).toEqual([NEW])
    expect(await own.compareAndSet('s', { ...NEW, stamp: STAMP + 1 }, STAMP)).toBe(true)
    await own.merge('s', [{ key: 'deleted', stamp: STAMP }])
    await own.prune?.('s', STAMP + 1)
    expect(await own.load('s')).toHaveLength(1)
    expect(await own.sweep(Date.now() + DAY, { revocations: 0 })).toBe(1)
    await own.remove('s')
    await limited.end()
  })
})
