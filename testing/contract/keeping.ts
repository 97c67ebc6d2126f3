// Tests the store contract: exact values, distinct names, deletion, and sweeps of unused subjects.

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { type Rule, register, STAMP, sorted } from './rule.js'
import { LARGE, NAMES, VALUES } from './samples.js'

const LONGEST = 255
const DAY = 24 * 60 * 60 * 1000
/**
 * Returns a time for `sweep(before)`, far enough ahead to delete subjects used just now: a store that records uses once a day may keep them
 * a day longer.
 */
const LATER = (): number => Date.now() + 3 * DAY

/** Rules for values and names, which a store must not mix up, and for `remove`, `removeValues`, `prune`, `sweep` and `close`. */
export const KEEPING: readonly Rule[] = [
  {
    name: 'returns every JSON value unchanged, including falsy values, U+0000 and astral characters',
    async check({ store, subject }) {
      const registers = VALUES.map((value, index) => register(`k${index}`, STAMP, value))
      deepStrictEqual(sorted(await store.merge(subject, registers)), sorted(registers))
      deepStrictEqual(sorted(await store.load(subject)), sorted(registers))
    },
  },
  ...[...LARGE].map(
    ([name, value]): Rule => ({
      name: `returns a value of 64 kB unchanged: ${name}`,
      async check({ store, subject }) {
        deepStrictEqual(sorted(await store.merge(subject, [register('a', STAMP, value)])), [['a', STAMP, value]])
        ok(await store.compareAndSet(subject, register('b', STAMP, value), 0))
        const expected = [
          ['a', STAMP, value],
          ['b', STAMP, value],
        ]
        deepStrictEqual(sorted(await store.load(subject)), expected)
      },
    }),
  ),
  {
    name: 'keeps a copy: later changes of the passed registers do nothing',
    async check({ store, subject }) {
      const value = [1]
      const changing = { key: 'a', stamp: STAMP, value }
      await store.merge(subject, [changing])
      changing.stamp += 1
      value.push(2)
      deepStrictEqual(sorted(await store.load(subject)), [['a', STAMP, [1]]])
    },
  },
  {
    name: 'keeps similar keys apart, even keys with a special meaning elsewhere',
    async check({ store, subject }) {
      const registers = [...NAMES, ...longest('key')].map((key, index) => register(key, STAMP, index))
      deepStrictEqual(sorted(await store.merge(subject, registers)), sorted(registers))
      deepStrictEqual(sorted(await store.load(subject)), sorted(registers))
      await eachOf(registers, async ({ key }) => {
        strictEqual(await store.compareAndSet(subject, register(key, STAMP + 1, 'new'), 0), false, key)
        ok(await store.compareAndSet(subject, register(key, STAMP + 1, key), STAMP), key)
      })
      const expected = registers.map(({ key }) => register(key, STAMP + 1, key))
      deepStrictEqual(sorted(await store.load(subject)), sorted(expected))
    },
  },
  {
    name: 'keeps similar subjects apart, even subjects with a special meaning elsewhere',
    async check({ store, subject }) {
      const subjects = [...NAMES.flatMap((name) => [name, `${subject}${name}`]), ...longest(subject)]
      await eachOf(subjects, (each) => store.remove(each))
      await eachOf(subjects, (each) => store.merge(each, [register('a', STAMP, each)]))
      await eachOf(subjects, async (each) => deepStrictEqual(sorted(await store.load(each)), [['a', STAMP, each]]))
      const [odd, even] = [0, 1].map((rest) => subjects.filter((_, index) => index % 2 === rest))
      await eachOf(odd ?? [], (each) => store.remove(each))
      await eachOf(odd ?? [], async (each) => deepStrictEqual(sorted(await store.load(each)), []))
      await eachOf(even ?? [], async (each) => deepStrictEqual(sorted(await store.load(each)), [['a', STAMP, each]]))
      await eachOf(even ?? [], (each) => store.remove(each))
    },
  },
  {
    name: 'remove deletes one whole subject, and then accepts older writes',
    async check({ store, subject }) {
      const other = `${subject}-other`
      for (const each of [subject, other]) await store.merge(each, [register('a', STAMP, 1), register('b', STAMP)])
      await store.remove(subject)
      deepStrictEqual(sorted(await store.load(subject)), [])
      strictEqual((await store.load(other)).length, 2)
      deepStrictEqual(sorted(await store.merge(subject, [register('a', 1, 0)])), [['a', 1, 0]])
      await store.remove(other)
    },
  },
  {
    name: 'remove accepts an unknown subject',
    async check({ store, subject }) {
      await store.remove(subject)
      await store.remove(subject)
    },
  },
  {
    name: 'removeValues keeps only $epoch and $generation, and accepts unknown subjects',
    async check({ store, subject }) {
      // `removeValues` is optional.
      if (!store.removeValues) return
      const ends = [register('$epoch', STAMP), register('$generation', STAMP, 'x')]
      const values = [register('a', STAMP, 1), register('b', STAMP), register('$maxAge', STAMP, 1)]
      await store.merge(subject, [...ends, ...values])
      await store.merge(`${subject}2`, values)
      for (const each of [subject, `${subject}2`, `${subject}3`]) await store.removeValues(each)
      deepStrictEqual(sorted(await store.load(subject)), sorted(ends))
      for (const each of [`${subject}2`, `${subject}3`]) deepStrictEqual(await store.load(each), [])
      deepStrictEqual(sorted(await store.merge(subject, [register('a', 1, 0)])), [['a', 1, 0]])
    },
  },
  {
    name: "prune deletes only a subject's older tombstones, and accepts unknown subjects",
    async check({ store, subject }) {
      // `prune` is optional.
      if (!store.prune) return
      const values = [null, false, '', 0].map((value, at) => register(`k${at}`, STAMP, value))
      const registers = [...values, register('old', STAMP), register('newer', STAMP + 1)]
      await store.merge(subject, registers)
      await store.merge(`${subject}2`, registers)
      await store.prune(subject, STAMP + 1)
      await store.prune(`${subject}3`, STAMP + 1)
      deepStrictEqual(sorted(await store.load(subject)), sorted(registers.filter(({ key }) => key !== 'old')))
      deepStrictEqual(sorted(await store.load(`${subject}2`)), sorted(registers))
      deepStrictEqual(await store.load(`${subject}3`), [])
      ok(await store.compareAndSet(subject, register('old', STAMP, 'again'), 0))
    },
  },
  {
    name: 'sweep keeps subjects used since `before`, by merge, compareAndSet or load',
    async check({ store, subject }) {
      const [written, set, read] = ['written', 'set', 'read'].map((use) => `${subject}-${use}`) as [
        string,
        string,
        string,
      ]
      await eachOf([set, read], (each) => store.merge(each, [register('a', STAMP, 1)]))
      const before = await nextMs()
      await store.merge(written, [register('a', STAMP, 1)])
      await store.compareAndSet(set, register('a', STAMP + 1, 1), STAMP)
      await store.load(read)
      await store.sweep(before)
      await eachOf([written, set, read], async (each) => strictEqual((await store.load(each)).length, 1, each))
      await eachOf([written, set, read], (each) => store.remove(each))
    },
  },
  {
    name: 'sweep deletes subjects unused since `before`, and returns their number',
    required: false,
    async check({ store, subject }) {
      const subjects = [1, 2, 3].map((each) => `${subject}-${each}`)
      await store.sweep(LATER())
      await eachOf(subjects, (each) => store.merge(each, [register('a', STAMP, 1), register('b', STAMP, 1)]))
      strictEqual(await store.sweep(LATER()), subjects.length)
      await eachOf(subjects, async (each) => deepStrictEqual(sorted(await store.load(each)), []))
      strictEqual(await store.sweep(LATER()), 0)
      const revocations = await nextMs()
      await store.merge(subject, [register('a', STAMP, 1), register('$epoch', STAMP, 'end')])
      strictEqual(await store.sweep(LATER(), { revocations }), 1)
      deepStrictEqual(sorted(await store.load(subject)), [['$epoch', STAMP, 'end']])
      strictEqual(await store.sweep(LATER(), { revocations }), 0)
      strictEqual(await store.sweep(LATER()), 1)
    },
  },
  {
    name: 'sweep keeps $epoch and $generation if used since `revocations`',
    required: false,
    async check({ store, subject }) {
      const revocations = await nextMs()
      await store.merge(subject, [
        register('a', STAMP, 1),
        register('$epoch', STAMP, 'end'),
        register('$generation', STAMP),
      ])
      await store.sweep(LATER(), { revocations })
      const left = (await store.load(subject)).map(({ key }) => key)
      ok(left.includes('$epoch') && left.includes('$generation'))
    },
  },
  {
    name: 'sweep deletes a subject that has outlived its own $maxAge, but keeps $epoch',
    required: false,
    async check({ store, subject }) {
      const lives = { over: -3 * DAY, ended: -3 * DAY, young: DAY, text: 'session', deleted: undefined }
      const names = Object.keys(lives).map((name) => `${subject}-${name}`)
      await eachOf(Object.entries(lives), ([name, life]) =>
        store.merge(`${subject}-${name}`, [register('a', STAMP, 1), register('$maxAge', STAMP, life)]),
      )
      await store.merge(`${subject}-ended`, [register('$epoch', STAMP)])
      await store.sweep(1)
      const left = await Promise.all(names.map(async (name) => (await store.load(name)).map(({ key }) => key)))
      const [over, ended, ...others] = left
      deepStrictEqual(over, [])
      ok(ended?.includes('$epoch'))
      for (const keys of others) strictEqual(keys.length, 2)
      await eachOf(names, (name) => store.remove(name))
    },
  },
  {
    name: 'load and an empty merge create no subject for sweep',
    async check({ store, subject }) {
      await store.sweep(LATER())
      await store.load(subject)
      await store.merge(subject, [])
      strictEqual(await store.sweep(LATER()), 0)
    },
  },
  {
    name: 'close keeps the stored registers, and accepts a second call',
    async check({ store, connections, subject }) {
      await store.merge(subject, [register('a', STAMP, 1)])
      await store.close()
      await store.close()
      await eachOf(connections.slice(1), async (each) => strictEqual((await each.load(subject)).length, 1))
    },
  },
]

/** Returns two names of the maximum length that differ only in the last byte, and a long name of four-byte characters. */
function longest(name: string): readonly string[] {
  const space = LONGEST - name.length
  return [
    `${name}${'x'.repeat(space)}`,
    `${name}${'x'.repeat(space - 1)}y`,
    `${name}${'\u{1f600}'.repeat(Math.floor(space / 4))}`,
  ]
}

async function eachOf<T>(all: readonly T[], act: (each: T) => Promise<unknown>): Promise<void> {
  await Promise.all(all.map(act))
}

/** Waits until the clock has advanced, and returns the time. */
async function nextMs(): Promise<number> {
  const then = Date.now()
  while (Date.now() === then) await new Promise((resolve) => setImmediate(resolve))
  return Date.now()
}
