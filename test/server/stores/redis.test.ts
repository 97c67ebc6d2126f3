import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { redisStore } from 'koa-live-session/redis'
import { testClock } from 'koa-live-session/testing'
import { type RowFault, soundRegisters } from '../../../server/kernel/remote/rows.js'
import type { Store } from '../../../server/stores/store.js'
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
  /** As if it was used so many ms ago. */
  const age = (ms: number): Promise<unknown> => redis('HSET', KEY, '', String(Date.now() - ms))

  describe('keeps a subject', () => {
    const USES: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['load', () => store.load('s')],
      ['merge', () => store.merge('s', [NEW])],
      ['compareAndSet', () => store.compareAndSet('s', { ...NEW, stamp: STAMP + 1 }, STAMP)],
    ]

    it('as one hash, with a register a field, for 100 days', async () => {
      await store.merge('s', [NEW, { key: 'b', stamp: STAMP + 1 }])
      expect(await redis('KEYS', '*')).toEqual([KEY])
      expect([await redis('HGET', KEY, 'a'), await redis('HGET', KEY, 'b')]).toEqual([`${STAMP} "new"`, `${STAMP + 1}`])
      expect(await idle()).toBeGreaterThan(100 * DAY - HOUR)
      expect(await idle()).toBeLessThanOrEqual(100 * DAY)
    })

    it('with the ids of computed changes after a tab', async () => {
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

    it('as another program has written it, with tabs between its values', async () => {
      await redis('HSET', KEY, 'a', `${STAMP} {\t"b":\t1}`)
      expect(await store.load('s')).toEqual([{ key: 'a', stamp: STAMP, value: { b: 1 } }])
    })

    it.each(USES)('for so much longer after a %s', async (_, use) => {
      await store.merge('s', [NEW])
      await age(99 * DAY)
      await redis('PEXPIRE', KEY, String(DAY))
      await use()
      expect(await idle()).toBeGreaterThan(99 * DAY)
      expect(await store.sweep(Date.now())).toBe(0)
    })

    it.each(USES)('where its last use is in the future, because a clock was ahead, after a %s too', async (_, use) => {
      await store.merge('s', [NEW])
      await age(-365 * DAY)
      await redis('PEXPIRE', KEY, String(DAY))
      await use()
      expect(await idle()).toBeGreaterThan(99 * DAY)
    })

    it.each(USES)('that was told to persist for 100 days from its next %s on', async (_, use) => {
      await store.merge('s', [NEW])
      await redis('PERSIST', KEY)
      await use()
      expect(await idle()).toBeGreaterThan(99 * DAY)
    })

    it('without writing, where it was used within the hour', async () => {
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

    it('for as long as it is told to', async () => {
      await redisStore(connection.client, { maxIdle: 5000 }).merge('s', [NEW])
      expect(await idle()).toBeLessThanOrEqual(5000)
    })
  })

  describe('sweeps', () => {
    it('what was not used since, and not what may have been: a use is noted up to an hour late', async () => {
      await store.merge('s', [NEW])
      await age(3 * HOUR)
      expect(await store.sweep(Date.now() - 3 * HOUR)).toBe(0)
      expect(await store.sweep(Date.now() - 2 * HOUR + 1000)).toBe(1)
    })

    it('by the clock that it was given', async () => {
      const clock = testClock()
      const clocked = redisStore(connection.client, { clock: clock.now })
      await clocked.merge('s', [NEW])
      clock.advance(3 * HOUR)
      expect(await clocked.sweep(clock.now() - 3 * HOUR)).toBe(0)
      expect(await clocked.sweep(clock.now() - 2 * HOUR + 1000)).toBe(1)
    })

    it('what guests had sooner than the rest', async () => {
      for (const subject of ['browser:b', 'user:s:browser:b', 's']) await store.merge(subject, [NEW])
      expect(await store.sweep(Date.now() - DAY, { guests: Date.now() + DAY })).toBe(1)
      expect(await store.load('browser:b')).toEqual([])
      expect(await redis('DBSIZE')).toBe(2)
    })

    it('more than one batch of keys', async () => {
      const subjects = Array.from({ length: 1500 }, (_, index) => `s${index}`)
      await Promise.all(subjects.map((subject) => store.merge(subject, [NEW])))
      expect(await store.sweep(Date.now() + DAY)).toBe(1500)
      expect(await redis('DBSIZE')).toBe(0)
    })

    it('nothing that is not its own', async () => {
      await redis('SET', 'live-session:{text}', 'x')
      await redis('HSET', 'live-session:{hash}', 'a', 'of another program')
      await redis('HSET', 'other:{s}', '', '1')
      expect(await store.sweep(Date.now() + DAY)).toBe(0)
      expect(await redis('DBSIZE')).toBe(3)
    })

    it('without looking for what has expired already', async () => {
      await store.merge('s', [NEW])
      await age(300 * DAY)
      expect(await store.sweep(Date.now() - 100 * DAY)).toBe(0)
    })
  })

  it.each(['b:', 'a:b:', '*', 'a*', 'a?', '[a]:', 'a\\', ''])(
    'sees nothing of another prefix than %p',
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

  it('goes on while scripts are flushed', async () => {
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

  it('says what is wrong where the key holds something else', async () => {
    await redis('SET', KEY, 'of another program')
    const says =
      'koa-live-session: redisStore: expected a hash at "live-session:{s}", which another program has written'
    await expect(store.load('s')).rejects.toThrow(says)
    await expect(store.merge('s', [NEW])).rejects.toThrow(says)
    await expect(store.compareAndSet('s', NEW, 0)).rejects.toThrow(says)
    expect(await redis('GET', KEY)).toBe('of another program')
  })

  it('reads on where Redis has no memory left, and writes nothing by halves', async () => {
    await store.merge('s', [NEW])
    await age(DAY)
    await redis('CONFIG', 'SET', 'maxmemory', '1')
    try {
      await expect(
        store.merge('s', [
          { ...NEW, stamp: STAMP + 1 },
          { key: 'b', stamp: STAMP },
        ]),
      ).rejects.toThrow('OOM')
      await expect(store.compareAndSet('s', { ...NEW, stamp: STAMP + 1 }, STAMP)).rejects.toThrow('OOM')
      expect(await store.load('s')).toEqual([NEW])
    } finally {
      await redis('CONFIG', 'SET', 'maxmemory', '0')
    }
  })

  it('reads on where Redis has become a replica, and says that it writes nothing', async () => {
    await store.merge('s', [NEW])
    await age(DAY)
    await redis('REPLICAOF', '127.0.0.1', '1')
    try {
      await expect(store.merge('s', [{ ...NEW, stamp: STAMP + 1 }])).rejects.toThrow('READONLY')
      expect(await store.load('s')).toEqual([NEW])
    } finally {
      await redis('REPLICAOF', 'NO', 'ONE')
    }
  })

  describe('threat 27: a hostile or corrupt row', () => {
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

    it('is skipped, and told of; the others load', async () => {
      await store.merge('s', [NEW])
      await redis('HSET', KEY, ...Object.entries(BAD).flat())
      const faults: RowFault[] = []
      expect(soundRegisters(await store.load('s'), Date.now(), (fault) => faults.push(fault))).toEqual([NEW])
      expect(faults.map(({ key }) => key).sort()).toEqual(Object.keys(BAD).sort())
    })

    it.each(Object.entries(BAD))('of %s is replaced by the next write', async (key, cell) => {
      await redis('HSET', KEY, key, cell)
      const write = { key, stamp: STAMP + 1, value: 'sound' }
      expect(await store.merge('s', [write])).toEqual([write])
      expect(await store.load('s')).toEqual([write])
    })

    it.each(Object.entries(BAD))(
      'of %s is replaced by a compareAndSet that expects what was told of it',
      async (key, cell) => {
        await redis('HSET', KEY, key, cell)
        let stamp = 0
        soundRegisters(await store.load('s'), Date.now(), (fault) => {
          stamp = fault.stamp ?? 0
        })
        expect(await store.compareAndSet('s', { key, stamp: STAMP + 1, value: 'sound' }, stamp)).toBe(true)
      },
    )

    it('whose use is none is kept, and used', async () => {
      await store.merge('s', [NEW])
      await redis('HSET', KEY, '', 'yesterday')
      expect(await store.sweep(Date.now() + DAY)).toBe(0)
      expect(await store.load('s')).toEqual([NEW])
      expect(Number(await redis('HGET', KEY, ''))).toBeGreaterThan(STAMP)
    })
  })

  it('needs no more rights than docs/stores-reference.md says', async () => {
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
    expect(await own.sweep(Date.now() + DAY)).toBe(1)
    await own.remove('s')
    await limited.end()
  })
})
