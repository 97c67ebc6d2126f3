import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { redisStore } from 'koa-live-session/redis'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { decodeRegister } from 'koa-live-session/store'
import { memoryStore, storeContract, testClock } from 'koa-live-session/testing'
import { createWarn } from '../../../server/settings/report.js'
import { type InvalidRegister, ValidatedStore, validRegisters } from '../../../server/store/validated-store.js'
import type { Store, StoredRegister } from '../../../server/types/store.js'
import { SKEW } from '../../../shared/stamp.js'
import { register } from '../../support/app/register.js'
import { validatedStore, watch } from '../../support/app/store-parts.js'
import { describeWithServer } from '../../support/servers/describe-with-server.js'
import { describeWithSql } from '../../support/servers/describe-with-sql.js'
import { REDIS } from '../../support/servers/installed.js'
import { RedisServer } from '../../support/servers/redis.js'
import { CLIENTS } from '../../support/servers/redis-clients.js'

const STAMP = 1_700_000_000_000

/** Decodes a register of a database. */
function decoded(key: string, stamp: unknown, value: unknown, ids?: string): StoredRegister {
  return decodeRegister({ key, stamp, value, ids })
}

/** Returns the valid registers, and the faults of the others. */
function read(answer: unknown): { registers: unknown; faults: InvalidRegister[] } {
  const faults: InvalidRegister[] = []
  return { registers: validRegisters(answer, STAMP, (fault) => faults.push(fault)), faults }
}

describe('a stored register', () => {
  it.each([
    [STAMP, STAMP],
    [String(STAMP), STAMP],
    [BigInt(STAMP), STAMP],
    [STAMP + SKEW, STAMP + SKEW],
    [1, 1],
  ])('accepts the stamp %p of a database', (given, stamp) => {
    expect(read([decoded('a', given, '0')])).toEqual({ registers: [{ key: 'a', stamp, value: 0 }], faults: [] })
  })

  it.each([
    ['null', null],
    ['""', ''],
    ['{"b":["\\u0000\\ud83d\\ude00"]}', { b: ['\0\u{1f600}'] }],
  ])('parses the value %s', (text, value) => {
    expect(read([decoded('a', STAMP, text)]).registers).toEqual([{ key: 'a', stamp: STAMP, value }])
  })

  it('with an empty text is a tombstone', () => {
    expect(read([decoded('a', STAMP, '')]).registers).toEqual([{ key: 'a', stamp: STAMP }])
  })
})

describe('the ids of a stored register', () => {
  it('are read from a text', () => {
    expect(read([decoded('a', STAMP, '1', 'one:1,two:2')]).registers).toEqual([
      {
        key: 'a',
        stamp: STAMP,
        value: 1,
        ids: [
          ['one', 1],
          ['two', 2],
        ],
      },
    ])
    expect(read([decoded('a', STAMP, '', 'one:1')]).registers).toEqual([{ key: 'a', stamp: STAMP, ids: [['one', 1]] }])
  })

  it.each(['one', 'one:', 'one:0', 'one:x', 'one:1,', ',', 'one:1:2', '\u00e9:1', '"x":1'])(
    'are ignored if malformed: %s',
    (ids) => {
      expect(read([decoded('a', STAMP, '1', ids)])).toEqual({
        registers: [{ key: 'a', stamp: STAMP, value: 1 }],
        faults: [],
      })
    },
  )
})

describe('threat 27: an invalid register', () => {
  const good = decoded('good', STAMP, '"value"')

  it.each([
    ['bad', STAMP + SKEW + 1, false],
    ['bad', Number.MAX_SAFE_INTEGER - 1, false],
    ['$epoch', STAMP + SKEW + 1, true],
    ['$epoch', Number.MAX_SAFE_INTEGER - 1, true],
    // no later revocation could exceed this stamp.
    ['$epoch', Number.MAX_SAFE_INTEGER, false],
    ['$generation', Number.MAX_SAFE_INTEGER, false],
  ])('of %s with the future stamp %d is loaded: %p', (key, stamp, isLoaded) => {
    const item = decoded(key, stamp, '')
    const { registers, faults } = read([good, item])
    expect(registers).toEqual(isLoaded ? [good, item] : [good])
    expect(faults).toEqual(isLoaded ? [] : [{ key, stamp, reason: expect.stringContaining('is in the future') }])
  })

  it.each<[string, unknown]>([
    ['no number', 'today'],
    ['empty', ''],
    ['no integer', 1.5],
    ['0', 0],
    ['negative', '-1'],
    ['in hex', '0x10'],
    ['beside spaces', ' 5 '],
    ['beyond safe integers', '9007199254740992'],
    ['beyond all numbers', '1e999'],
    ['missing', null],
    ['an object', { valueOf: () => 1 }],
    ['a list', [1]],
  ])('with the stamp “%s” is skipped and reported', (_, stamp) => {
    const { registers, faults } = read([good, decoded('bad', stamp, '1'), good])
    expect(registers).toEqual([good, good])
    expect(faults).toEqual([{ key: 'bad', stamp: undefined, reason: 'expected a safe integer as stamp' }])
  })

  it.each([
    ['no JSON', '{"a":'],
    ['no text', null],
    ['a tag', '<script>'],
    ['a lone surrogate', '"\\ud800"'],
    ['a number beyond JavaScript’s range', '1e999'],
    ['a prototype', '{"__proto__":{"polluted":1}}'],
    ['ten thousand deep', '['.repeat(10_000)],
    ['a thousand deep', `${'['.repeat(1000)}${']'.repeat(1000)}`],
    ['too wide', JSON.stringify(Array(10_001).fill(0))],
  ])('with the value “%s” is skipped and reported', (_, text) => {
    const { registers, faults } = read([good, decoded('bad', STAMP, text), good])
    expect(registers).toEqual([good, good])
    expect(faults).toEqual([{ key: 'bad', stamp: STAMP, reason: expect.stringContaining('expected a JSON value') }])
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })

  it.each([[null], [undefined], ['item'], [1], [[]], [{}], [{ key: 1, stamp: STAMP }], [{ key: '', stamp: STAMP }]])(
    '%j is skipped and reported',
    (item) => {
      const { registers, faults } = read([good, item])
      expect(registers).toEqual([good])
      expect(faults).toMatchObject([{ reason: 'expected a key' }])
    },
  )

  it('of the app’s own store is reported if it contains a Date', () => {
    const item = { key: 'due', stamp: STAMP, value: { at: new Date(0) } }
    expect(read([item]).faults).toEqual([
      { key: 'due', stamp: STAMP, reason: 'expected a JSON value, received a Date at $.at' },
    ])
  })

  it.each([[undefined], [null], [{}], ['[]']])('throws if the whole list is %j', (answer) => {
    expect(() => read(answer)).toThrow('koa-live-session: store: expected a list of registers')
  })
})

/** A store with a register from the future, whose `compareAndSet` is the given function. */
async function broken(compareAndSet: (replace: () => Promise<boolean>) => Promise<boolean>) {
  const watched = watch()
  const inner = memoryStore()
  await inner.merge('s', [register('a', Number.MAX_SAFE_INTEGER, 'bad'), register('b', 1, 1)])
  const act = (...given: Parameters<typeof inner.compareAndSet>) => compareAndSet(() => inner.compareAndSet(...given))
  return { inner, store: validatedStore({ ...inner, compareAndSet: act }, watched) }
}

it('ValidatedStore merges with another process’s replacement of an invalid register', async () => {
  const { inner, store } = await broken(async (replace) => {
    await inner.compareAndSet('s', register('a', 7, 'other'), Number.MAX_SAFE_INTEGER)
    return replace()
  })
  expect(await store.merge('s', [register('a', 5, 'own')])).toEqual([register('a', 7, 'other')])
})

it('ValidatedStore rejects a write if an invalid register cannot be replaced', async () => {
  const { store } = await broken(async () => false)
  await expect(store.merge('s', [register('a', 5, 'own')])).rejects.toThrow(
    'an invalid register could not be replaced: a',
  )
})

it('ValidatedStore logs at most ten invalid registers', async () => {
  const told = jest.spyOn(console, 'warn').mockImplementation(() => undefined)
  const clock = testClock().now
  const inner = memoryStore()
  const registers = Array.from({ length: 50 }, (_, index) => register(`k${index}`, Number.MAX_SAFE_INTEGER, 'bad'))
  await inner.merge('s', registers)
  const store = new ValidatedStore(inner, { clock, warn: createWarn(clock) })
  expect(await store.load('s')).toEqual([])
  expect(told).toHaveBeenCalledTimes(10)
  told.mockRestore()
})

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
