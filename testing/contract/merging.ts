// Tests the store contract: loads, the merge rule and compare-and-set, in sequential calls.

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { canonicalJson } from '../../shared/json.js'
import { inTurn, newest, type Rule, register, STAMP, sorted } from './rule.js'
import { VALUES } from './samples.js'

const MAX = Number.MAX_SAFE_INTEGER

export const MERGING: readonly Rule[] = [
  {
    name: 'load returns no registers of an unknown subject',
    async check({ store, subject }) {
      deepStrictEqual(sorted(await store.load(subject)), [])
    },
  },
  {
    name: 'load returns acknowledged registers on every connection',
    async check({ store, connections, subject }) {
      const registers = [register('a', STAMP, 1), register('b', STAMP + 1), register('c', 1, null)]
      await store.merge(subject, registers)
      for (const each of connections) deepStrictEqual(sorted(await each.load(subject)), sorted(registers))
    },
  },
  {
    name: "merge keeps the larger stamp, and returns the keys' current registers",
    async check({ store, subject }) {
      const first = [register('later', STAMP, 'old'), register('earlier', STAMP, 'new'), register('other', STAMP, 0)]
      await store.merge(subject, first)
      const second = [
        register('later', STAMP + 1, 'new'),
        register('earlier', STAMP - 1, 'old'),
        register('new', STAMP, 1),
      ]
      const answer = await store.merge(subject, second)
      const expected = newest([...first, ...second])
      deepStrictEqual(
        sorted(answer),
        expected.filter(([key]) => key !== 'other'),
      )
      deepStrictEqual(sorted(await store.load(subject)), expected)
    },
  },
  {
    name: 'merge compares stamps as numbers, up to the largest safe integer',
    async check({ store, subject }) {
      const pairs = [
        [1, 2],
        [9, 10],
        [999, 1000],
        [2 ** 31 - 1, 2 ** 31],
        [2 ** 32 - 1, 2 ** 32],
        [STAMP, STAMP + 1],
        [MAX - 1, MAX],
      ] as const
      const rising = pairs.map(
        ([less, more]) => [register(`up${less}`, less, 'old'), register(`up${less}`, more, 'new')] as const,
      )
      const falling = pairs.map(
        ([less, more]) => [register(`down${less}`, more, 'new'), register(`down${less}`, less, 'old')] as const,
      )
      const all = [...rising, ...falling]
      for (const turn of [0, 1] as const)
        await store.merge(
          subject,
          all.map((pair) => pair[turn]),
        )
      deepStrictEqual(sorted(await store.load(subject)), newest(all.flat()))
    },
  },
  {
    name: 'on equal stamps, merge keeps the larger canonical text, compared by bytes',
    async check({ store, connections, subject }) {
      // An order other than by bytes would swap at least a pair of neighbours.
      const rising = VALUES.toSorted((x, y) => (canonicalJson(x) < canonicalJson(y) ? -1 : 1))
      const pairs = [undefined, ...rising].flatMap((less, index) => {
        const [up, down] = [`up${index}`, `down${index}`]
        const more = rising[index]
        if (more === undefined) return []
        return [
          [register(up, STAMP, less), register(up, STAMP, more)],
          [register(down, STAMP, more), register(down, STAMP, less)],
        ] as const
      })
      for (const [at, turn] of ([0, 1] as const).entries())
        await inTurn(connections, at).merge(
          subject,
          pairs.map((pair) => pair[turn]),
        )
      deepStrictEqual(sorted(await store.load(subject)), newest(pairs.flat()))
    },
  },
  {
    name: 'a repeated merge changes nothing, and returns the same registers',
    async check({ store, subject }) {
      const registers = [register('a', STAMP, { b: [1] }), register('b', STAMP)]
      const answers = [await store.merge(subject, registers), await store.merge(subject, registers)]
      for (const answer of answers) deepStrictEqual(sorted(answer), sorted(registers))
    },
  },
  {
    name: 'merge accepts a key twice in a list, and keeps its newest register',
    async check({ store, subject }) {
      const registers = [
        register('a', STAMP, 1),
        register('a', STAMP + 2, 2),
        register('a', STAMP + 1),
        register('b', STAMP, 1),
      ]
      for (const list of [registers, registers.toReversed()])
        deepStrictEqual(sorted(await store.merge(subject, list)), newest(registers))
      deepStrictEqual(sorted(await store.load(subject)), newest(registers))
    },
  },
  {
    name: 'an empty merge returns nothing and writes nothing',
    async check({ store, subject }) {
      deepStrictEqual(await store.merge(subject, []), [])
      deepStrictEqual(sorted(await store.load(subject)), [])
    },
  },
  {
    name: 'merge accepts 500 keys',
    async check({ store, subject }) {
      const registers = Array.from({ length: 500 }, (_, index) =>
        register(`${index}-${'k'.repeat(60)}`, STAMP + index, index),
      )
      deepStrictEqual(sorted(await store.merge(subject, registers)), sorted(registers))
      deepStrictEqual(sorted(await store.load(subject)), sorted(registers))
    },
  },
  {
    name: 'compareAndSet writes only if the current stamp is the expected stamp',
    async check({ store, subject }) {
      ok(await store.compareAndSet(subject, register('a', STAMP, 'first'), 0))
      strictEqual(await store.compareAndSet(subject, register('a', STAMP + 5, 'late'), 0), false)
      strictEqual(await store.compareAndSet(subject, register('a', STAMP + 5, 'late'), STAMP - 1), false)
      strictEqual(await store.compareAndSet(subject, register('a', STAMP + 5, 'late'), STAMP + 1), false)
      deepStrictEqual(sorted(await store.load(subject)), [['a', STAMP, 'first']])
      ok(await store.compareAndSet(subject, register('a', STAMP + 1), STAMP))
      deepStrictEqual(sorted(await store.load(subject)), [['a', STAMP + 1]])
    },
  },
  {
    name: 'compareAndSet treats a tombstone like any other register',
    async check({ store, subject }) {
      await store.merge(subject, [register('a', 7)])
      strictEqual(await store.compareAndSet(subject, register('a', STAMP, 1), 0), false)
      ok(await store.compareAndSet(subject, register('a', STAMP, 1), 7))
    },
  },
  {
    name: 'compareAndSet can replace the largest stamp by a smaller stamp',
    async check({ store, subject }) {
      await store.merge(subject, [register('a', MAX, 1), register('b', STAMP, 1)])
      strictEqual(await store.compareAndSet(subject, register('a', STAMP, 2), MAX - 1), false)
      ok(await store.compareAndSet(subject, register('a', STAMP, 2), MAX))
      deepStrictEqual(sorted(await store.load(subject)), [
        ['a', STAMP, 2],
        ['b', STAMP, 1],
      ])
    },
  },
  {
    name: 'compareAndSet reads and writes only its own key',
    async check({ store, subject }) {
      await store.merge(subject, [register('a', STAMP, 1), register('b', STAMP + 9, 1)])
      ok(await store.compareAndSet(subject, register('c', STAMP, 1), 0))
      ok(await store.compareAndSet(subject, register('a', STAMP + 1, 2), STAMP))
      const expected = [
        ['a', STAMP + 1, 2],
        ['b', STAMP + 9, 1],
        ['c', STAMP, 1],
      ]
      deepStrictEqual(sorted(await store.load(subject)), expected)
    },
  },
  {
    name: 'compareAndSet distinguishes the largest safe integers',
    async check({ store, subject }) {
      await store.merge(subject, [register('a', MAX - 2, 1)])
      strictEqual(await store.compareAndSet(subject, register('a', MAX, 2), MAX - 1), false)
      strictEqual(await store.compareAndSet(subject, register('a', MAX, 2), MAX - 3), false)
      ok(await store.compareAndSet(subject, register('a', MAX, 2), MAX - 2))
      deepStrictEqual(sorted(await store.load(subject)), [['a', MAX, 2]])
    },
  },
]
