import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { Cluster, Redis } from 'ioredis'
import { fromIoredis, redisStore } from 'koa-live-session/redis'
import { testClock } from 'koa-live-session/testing'
import { createClient, createCluster, RESP_TYPES } from 'redis'
import { type InvalidRegister, validRegisters } from '../../../server/store/validated-store.js'
import type { Store, StoredRegister } from '../../../server/types/store.js'
import type { JsonValue } from '../../../shared/json.js'
import { DAY, HOUR } from '../../support/app/times.js'
import { within } from '../../support/app/within.js'
import { wordsOf } from '../../support/docs/readme.js'
import { describeWithServer } from '../../support/servers/describe-with-server.js'
import { Folder } from '../../support/servers/folder.js'
import { REDIS } from '../../support/servers/installed.js'
import { RedisServer } from '../../support/servers/redis.js'
import { CLIENTS, connectNodeRedis, type RedisConnection } from '../../support/servers/redis-clients.js'
import { CuttingProxy } from './cutting-proxy.js'
import { startRedisCluster } from './redis-cluster.js'

const STAMP = 1_700_000_000_000
const NEW = { key: 'a', stamp: STAMP, value: 'new' }
const KEY = 'live-session:{s}'

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

    it('for its own $maxAge, as uses are noted an hour late', async () => {
      const life = (stamp: number, value: JsonValue) => store.merge('s', [{ key: '$maxAge', stamp, value }])
      const between = async (least: number, most: number): Promise<void> => {
        const left = await idle()
        expect([left > least, left <= most]).toEqual([true, true])
      }
      await store.merge('s', [NEW])
      for (const use of [() => life(1, DAY), () => store.load('s'), () => store.merge('s', [NEW])]) {
        await use()
        await between(DAY, DAY + HOUR)
      }
      await life(2, 2 * DAY)
      await between(2 * DAY, 2 * DAY + HOUR)
      for (const [index, value] of ['session', 1e21, 200 * DAY, { $maxAge: 1 }].entries()) {
        await life(3 + index, value)
        await between(99 * DAY, 100 * DAY)
      }
      await life(8, DAY)
      await store.merge('s', [{ key: '$epoch', stamp: 1 }])
      await between(99 * DAY, 100 * DAY)
      expect(await store.compareAndSet('t', { key: '$maxAge', stamp: 1, value: 1000 }, 0)).toBe(true)
      expect(Number(await redis('PTTL', 'live-session:{t}'))).toBeLessThanOrEqual(HOUR + 1000)
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

/** A locale that sorts a before B; bytes sort B before a. */
const REVERSED = `comment_char %
escape_char /
LC_CTYPE
END LC_CTYPE
LC_COLLATE
order_start forward
<U0022>
<U0061>
<U0042>
UNDEFINED
order_end
END LC_COLLATE
`
const NAMES = ['s', 'a{b}c', '{}', '}{', '{', '\u{1f600}', ' ', 'x'.repeat(255)]

describeWithServer(REDIS, 'redisStore on a Redis', () => {
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })
  const start = async (options?: readonly string[], env?: NodeJS.ProcessEnv): Promise<RedisServer> => {
    const server = await RedisServer.start(options, env)
    ends.push(() => server.stop())
    return server
  }
  const connect = async (path: string) => {
    const connection = await connectNodeRedis(path)
    ends.push(() => connection.end())
    return connection.client
  }

  it('with "appendfsync always" keeps acknowledged merges after kill -9', async () => {
    const server = await start(
      wordsOf('conf', 'docs/stores-reference.md').map((word, at) => (at % 2 === 0 ? `--${word}` : word)),
    )
    const clients = [await connect(server.path), await connect(server.path), await connect(server.path)]
    const acknowledged: StoredRegister[] = []
    let killed: Promise<void> | undefined
    const writers = clients.map(async (client, writer) => {
      const store = redisStore(client)
      for (let turn = 0; ; turn += 1) {
        const register = { key: `writer${writer}.${turn % 5}`, stamp: STAMP + turn, value: turn }
        const answer = await store.merge('s', [register]).catch(() => undefined)
        if (!answer) return
        acknowledged.push(register)
        // The merges of the other writers are in flight.
        if (acknowledged.length === 60) killed = server.kill()
      }
    })
    await Promise.all(writers)
    await killed
    expect(acknowledged.length).toBeGreaterThanOrEqual(60)
    await server.start()
    const standing = new Map(
      (await redisStore(await connect(server.path)).load('s')).map((each) => [each.key, each.stamp]),
    )
    expect(acknowledged.filter(({ key, stamp }) => (standing.get(key) ?? 0) < stamp)).toEqual([])
  })

  it('in another locale compares values of one stamp as bytes', async () => {
    const locales = new Folder()
    ends.push(async () => locales.remove())
    writeFileSync(locales.in('source'), REVERSED)
    // Without localedef, Redis compares bytes anyway.
    spawnSync('localedef', ['-c', '-i', locales.in('source'), '-f', 'ANSI_X3.4-1968', locales.in('xx_XX')])
    const server = await start([], { LOCPATH: locales.path, LC_ALL: 'xx_XX' })
    const store = redisStore(await connect(server.path))
    for (const [one, other] of [
      ['a', 'B'],
      ['B', 'a'],
    ] as const) {
      await store.merge('s', [{ key: `${one}${other}`, stamp: STAMP, value: one }])
      await store.merge('s', [{ key: `${one}${other}`, stamp: STAMP, value: other }])
    }
    expect((await store.load('s')).map(({ value }) => value)).toEqual(['a', 'a'])
  })

  it('in cluster mode routes each script by its key', async () => {
    const { server, port } = await startRedisCluster()
    ends.push(() => server.stop())
    const single = await connect(server.path)
    const cluster = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] })
    await cluster.connect()
    ends.push(async () => cluster.destroy())
    const io = new Cluster([{ host: '127.0.0.1', port }], { lazyConnect: true })
    await io.connect()
    ends.push(async () => io.disconnect())

    const nodeRedisCluster = {
      get isOpen() {
        return cluster.isOpen
      },
      sendCommand: (args: readonly string[]) => cluster.sendCommand(keyOf(args), false, [...args]),
    }
    for (const client of [single, nodeRedisCluster, fromIoredis(io)]) {
      const store = redisStore(client)
      for (const name of NAMES) {
        await store.merge(name, [{ key: 'a', stamp: STAMP, value: name }])
        expect(await store.compareAndSet(name, { key: 'a', stamp: STAMP + 1, value: 1 }, STAMP)).toBe(true)
        expect(await store.load(name)).toEqual([{ key: 'a', stamp: STAMP + 1, value: 1 }])
      }
      await store.remove('s')
      expect(await store.sweep(Date.now() + DAY)).toBe(NAMES.length - 1)
    }
  })
})

/** Returns the key that selects the node; in `EVALSHA sha 1 key ...` this is the fourth word. */
function keyOf([command, first, , key]: readonly string[]): string | undefined {
  if (command === 'SCAN') return undefined
  return command === 'DEL' ? first : key
}
