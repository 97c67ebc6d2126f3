/**
 * A store in Redis, for `liveSession(app, { store })`: see docs/stores.md.
 *
 * @module koa-live-session/redis
 */

import { isMs, MS } from '../../shared/checks.js'
import { EPOCH_KEY, GENERATION_KEY } from '../../shared/register.js'
import { check, checkNames } from '../settings/option-checks.js'
import { BROWSERS, type Store, type StoredRegister } from '../types/store.js'
import { cellsOf, type RedisLike, run, send } from './redis-commands.js'
import { COMPARE_AND_SET, LOAD, MERGE, PRUNE, REMOVE_VALUES, type RedisScript, SWEEP } from './redis-scripts.js'
import { decodeRegister, encodeRegister, TOMBSTONE } from './registers.js'
import { sweepRule } from './sweep-rule.js'

export { fromIoredis, type IoredisLike, type RedisLike } from './redis-commands.js'

/** The options of `redisStore(client, options)`. */
export interface RedisStoreOptions {
  /**
   * The prefix of each Redis key, a text without `{` and `}`. The keys are `<prefix>{<subject>}`.
   *
   * @default 'live-session:'
   */
  readonly prefix?: string
  /**
   * How long Redis keeps a subject's data after its last use, including revocations: whole ms, at least the plugin's `maxAge`.
   *
   * @default 100 days
   */
  readonly maxIdle?: number
  /**
   * Returns the current time in ms since 1970, for the recorded last use of subjects. In tests use `testClock`.
   *
   * @default Date.now
   */
  readonly clock?: () => number
}

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

/**
 * Creates a store in Redis 6 or newer, or Valkey. The durability of acknowledged writes depends on Redis' own `appendonly` and
 * `appendfsync`: see docs/stores-reference.md.
 *
 * @param client the Redis client, which your app connects and closes
 * @param options the options, which this call checks
 * @throws {TypeError} with the option, the expected and the received value
 * @example
 * const client = createClient({ url: 'redis://127.0.0.1:6379' })
 * client.on('error', console.error)
 * await client.connect()
 * liveSession(app, { fields, store: redisStore(client) })
 */
export function redisStore(client: RedisLike, options: RedisStoreOptions = {}): Store {
  checkNames(options, ['prefix', 'maxIdle', 'clock'], 'redisStore: ')
  const { prefix = 'live-session:', maxIdle = 100 * DAY, clock = Date.now } = options
  const isClient = typeof client?.sendCommand === 'function' && typeof client.isOpen === 'boolean'
  const remedy = 'Pass createClient(...) of node-redis, or fromIoredis(client)'
  check(isClient, 'redisStore', `expected a Redis client. ${remedy}`)
  // In Redis Cluster, the hash tag of a key begins at the first brace.
  check(
    typeof prefix === 'string' && !/[{}]/.test(prefix),
    'redisStore: prefix',
    'expected a text without { and }',
    prefix,
  )
  check(isMs(maxIdle) && Number.isSafeInteger(maxIdle), 'redisStore: maxIdle', `expected whole ${MS}`, maxIdle)
  check(typeof clock === 'function', 'redisStore: clock', 'expected a function', clock)

  const precision = Math.min(HOUR, Math.floor(maxIdle / 100))
  const keyOf = (subject: string): string => `${prefix}{${subject}}`
  const runScript = (script: RedisScript, subject: string, args: readonly string[] = []): Promise<unknown> =>
    run(client, script, keyOf(subject), [String(clock()), String(precision), String(maxIdle), ...args])

  return {
    maxIdle,

    async load(subject) {
      const cells = cellsOf(await runScript(LOAD, subject))
      return cells.flatMap((field, at) => (at % 2 === 1 || !field ? [] : [readCell(field, cells[at + 1] ?? '')]))
    },
    async merge(subject, registers) {
      if (registers.length === 0) return []
      const args = registers.flatMap((register) => [register.key, cellOf(register)])
      const cells = cellsOf(await runScript(MERGE, subject, args))
      // If a key occurs twice, its last cell in the answer is the current cell.
      const currentCells = new Map(registers.map(({ key }, at) => [key, cells[at] ?? '']))
      return Array.from(currentCells, ([key, cell]) => readCell(key, cell))
    },
    async compareAndSet(subject, register, expected) {
      return (await runScript(COMPARE_AND_SET, subject, [register.key, cellOf(register), String(expected)])) === 1
    },
    async remove(subject) {
      await send(client, ['DEL', keyOf(subject)])
    },
    async removeValues(subject) {
      await run(client, REMOVE_VALUES, keyOf(subject), [EPOCH_KEY, GENERATION_KEY])
    },
    async prune(subject, before) {
      await run(client, PRUNE, keyOf(subject), [String(before)])
    },
    async sweep(before, limits) {
      const now = clock()
      const { limitOf, revocations } = sweepRule(before, limits, { now, lag: HOUR })
      let deleted = 0
      for (const names of limitOf(BROWSERS) > limitOf('') ? [BROWSERS, ''] : ['']) {
        const limit = limitOf(names)
        // Redis has already expired all subjects unused since this limit.
        if (limit <= now - maxIdle) continue
        const args = [String(limit), String(revocations), EPOCH_KEY, GENERATION_KEY]
        for await (const keys of scan(client, `${escapePattern(prefix)}{${names}*}`)) {
          const answers = await Promise.all(keys.map((key) => run(client, SWEEP, key, args)))
          deleted += answers.filter((answer) => answer === 1).length
        }
      }
      return deleted
    },
    async close() {},
  }
}

/** Encodes a register as a cell. A tab separates the value from the ids, because a tab sorts before all characters of canonical JSON. */
function cellOf(register: StoredRegister): string {
  const { stamp, value, ids } = encodeRegister(register)
  const text = ids === '' ? value : `${value}\t${ids}`
  return text === '' ? String(stamp) : `${stamp} ${text}`
}

function readCell(key: string, cell: string): StoredRegister {
  const space = cell.indexOf(' ')
  if (space < 0) return decodeRegister({ key, stamp: cell, value: TOMBSTONE })
  const [, value = '', ids] = /^([\s\S]*?)(?:\t([\w:,!-]+))?$/.exec(cell.slice(space + 1)) ?? []
  // Only a damaged cell has a space, but neither a value nor ids.
  const isDamaged = value === TOMBSTONE && ids === undefined
  return decodeRegister({ key, stamp: cell.slice(0, space), value: isDamaged ? undefined : value, ids })
}

/** Yields the keys of matching hashes, in batches. In a cluster, scans a single node only. */
async function* scan(client: RedisLike, pattern: string): AsyncGenerator<readonly string[]> {
  let cursor: unknown = '0'
  do {
    const args = ['SCAN', String(cursor), 'MATCH', pattern, 'COUNT', '1000', 'TYPE', 'hash']
    const answer: unknown = await send(client, args)
    const [next, keys]: readonly unknown[] = Array.isArray(answer) ? answer : []
    yield cellsOf(keys).filter((key) => key !== null)
    cursor = next
  } while (String(cursor) !== '0')
}

function escapePattern(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}
