// Tests the store contract: concurrent merges, compare-and-sets, loads and deletions over several connections.

import { deepStrictEqual, fail, ok, strictEqual } from 'node:assert/strict'
import type { Store } from '../../server/types/store.js'
import type { JsonValue } from '../../shared/json.js'
import type { LwwRegister } from '../../shared/register.js'
import { timeAfter } from '../../shared/stamp.js'
import { inTurn, newest, type Rule, type RuleSetup, register, STAMP, sorted } from './rule.js'

const WRITERS = 50
/** Few values, so that writes collide. Some differ only in case or type; a store may mistake others for a tombstone. */
const MEETING: readonly (JsonValue | undefined)[] = [undefined, 'a', 'A', null, '', '\u00e9', { a: 1 }, 0, false, [1]]
const KEYS = ['a', 'b', 'c', 'd', 'e']

export const RACES: readonly Rule[] = [
  {
    name: 'fifty concurrent merges leave the newest registers, ties included',
    async check({ store, connections, subject }) {
      const writes = lists((index, at) =>
        register(`k${(index + at) % 3}`, STAMP + (index % 4), valueAt(index * 3 + at)),
      )
      await atOnce(connections, writes, (each, write) => each.merge(subject, write))
      deepStrictEqual(sorted(await store.load(subject)), newest(writes.flat()))
    },
  },
  {
    name: 'fifty concurrent merges with equal stamps leave the larger text',
    async check({ store, connections, subject }) {
      const writes = lists((index, at) => register(`k${at}`, STAMP, valueAt(index + at)))
      await atOnce(connections, writes, (each, write) => each.merge(subject, write))
      deepStrictEqual(sorted(await store.load(subject)), newest(writes.flat()))
    },
  },
  {
    name: 'concurrent merges of the same keys in opposite orders do not deadlock',
    async check({ store, connections, subject }) {
      const writes = Array.from({ length: WRITERS }, (_, index) => {
        const list = KEYS.map((key) => register(key, STAMP + index, index))
        return index % 2 === 0 ? list : list.toReversed()
      })
      await atOnce(connections, writes, (each, write) => each.merge(subject, write))
      deepStrictEqual(sorted(await store.load(subject)), newest(writes.flat()))
    },
  },
  {
    name: 'a merge returns no register older than its own',
    async check({ connections, subject }) {
      const writes = lists((index, at) => register(`k${at}`, STAMP + (index % 5), valueAt(index)))
      const answers = await atOnce(
        connections,
        writes,
        async (each, write) => [write, await each.merge(subject, write)] as const,
      )
      for (const [write, answer] of answers)
        deepStrictEqual(
          sorted(answer),
          newest([...write, ...answer.map(({ key, stamp, value }) => register(key, stamp, value))]),
        )
    },
  },
  {
    name: 'of fifty concurrent compareAndSets of an absent key, exactly one wins',
    check: (setup) => winOnce(setup, 0),
  },
  {
    name: 'of fifty concurrent compareAndSets with the same expected stamp, exactly one wins',
    async check(setup) {
      await setup.store.merge(setup.subject, [register('a', STAMP, 'before')])
      await winOnce(setup, STAMP)
    },
  },
  {
    name: 'concurrent compareAndSets lose no update',
    async check({ store, connections, subject }) {
      const counters = connections.flatMap((each) => [each, each, each])
      await Promise.all(counters.map((each) => countUp(each, subject, counters.length)))
      deepStrictEqual(
        (await store.load(subject)).map(({ value }) => value),
        [counters.length],
      )
    },
  },
  {
    name: 'concurrent merges and compareAndSets leave the newest successful write',
    async check({ store, connections, subject }) {
      await store.merge(subject, [register('a', STAMP, 'before')])
      const merges = Array.from({ length: WRITERS }, (_, index) =>
        register('a', STAMP + (index % 7), `merged ${index}`),
      )
      const written = await atOnce(connections, merges, async (each, merge, index): Promise<readonly LwwRegister[]> => {
        if (index % 2 === 0) return each.merge(subject, [merge]).then(() => [merge])
        const set = register('a', STAMP + 5 + (index % 4), `set ${index}`)
        return (await each.compareAndSet(subject, set, STAMP + (index % 7))) ? [set] : []
      })
      deepStrictEqual(sorted(await store.load(subject)), newest([register('a', STAMP, 'before'), ...written.flat()]))
    },
  },
  {
    name: 'a load sees a merge as a whole or not at all',
    required: false,
    async check({ connections, subject }) {
      const turns = Array.from({ length: WRITERS }, (_, index) => index)
      const seen = await atOnce(connections, turns, async (each, turn) => {
        if (turn % 2 === 1) return [await each.load(subject), await each.load(subject), await each.load(subject)]
        const registers = KEYS.map((key) => register(key, STAMP + turn, turn))
        await each.merge(subject, registers)
        return [await each.load(subject)]
      })
      for (const registers of seen.flat())
        ok(new Set(registers.map(({ stamp }) => stamp)).size <= 1, JSON.stringify(registers))
    },
  },
  {
    name: 'concurrent remove, sweep, merge and load cause no error',
    async check({ store, connections, subject }) {
      const turns = Array.from({ length: WRITERS }, (_, index) => index)
      const write = (turn: number): LwwRegister[] => KEYS.map((key) => register(key, STAMP + turn, turn))
      await atOnce(connections, turns, async (each, turn) => {
        if (turn % 5 === 0) await each.remove(subject)
        else if (turn % 7 === 0) await each.sweep(1)
        else await each.merge(subject, write(turn))
        await each.load(subject)
      })
      deepStrictEqual(sorted(await store.merge(subject, write(WRITERS))), sorted(write(WRITERS)))
    },
  },
]

function valueAt(index: number): JsonValue | undefined {
  return MEETING[index % MEETING.length]
}

/** Creates three registers for each writer. */
function lists(make: (index: number, at: number) => LwwRegister): readonly (readonly LwwRegister[])[] {
  return Array.from({ length: WRITERS }, (_, index) => [0, 1, 2].map((at) => make(index, at)))
}

/** Runs all calls concurrently, each on the next connection in turn. */
function atOnce<T, U>(
  connections: readonly Store[],
  items: readonly T[],
  act: (store: Store, item: T, index: number) => Promise<U>,
): Promise<U[]> {
  return Promise.all(items.map((item, index) => act(inTurn(connections, index), item, index)))
}

async function winOnce({ store, connections, subject }: RuleSetup, expected: number): Promise<void> {
  const sets = Array.from({ length: WRITERS }, (_, index) => register('a', STAMP + 1 + (index % 2), `set ${index}`))
  const won = await atOnce(connections, sets, (each, set) => each.compareAndSet(subject, set, expected))
  const winners = sets.filter((_, index) => won[index])
  strictEqual(winners.length, 1)
  deepStrictEqual(sorted(await store.load(subject)), sorted(winners))
}

/** Increments the counter. Retries after each conflict, at most as often as there are other counters. */
async function countUp(store: Store, subject: string, counters: number): Promise<void> {
  for (let attempt = 0; attempt < counters; attempt += 1) {
    const current = (await store.load(subject)).find(({ key }) => key === 'count')
    const { stamp = 0, value = 0 } = current ?? {}
    if (await store.compareAndSet(subject, register('count', timeAfter(stamp, STAMP), Number(value) + 1), stamp)) return
  }
  fail('compareAndSet has lost more often than another has won')
}
