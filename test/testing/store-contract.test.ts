import { describe, expect, it } from '@jest/globals'
import type { Store, StoredRegister } from 'koa-live-session'
import { memoryStore, storeContract } from 'koa-live-session/testing'

type Planted = Partial<Store>

/** Stores with a single defect each; every defect has happened in Redis or SQL. */
const DEFECTS: readonly (readonly [string, (correct: Store) => Planted])[] = [
  ['compares subjects case-insensitively', renaming((name) => name.toLowerCase())],
  ['ignores trailing spaces', renaming((name) => name.replace(/ +$/, ''))],
  ['ignores accents', renaming((name) => name.normalize('NFD').replace(/\p{M}/gu, ''))],
  ['truncates subjects', renaming((name) => name.slice(0, 128))],
  ['keeps the last write', (correct) => ({ merge: (subject, all) => overwrite(correct, subject, all) })],
  ['keeps the first write', (correct) => ({ merge: (subject, all) => keepFirst(correct, subject, all) })],
  ['keeps the last of equal stamps', (correct) => ({ merge: (subject, all) => lastOfEqual(correct, subject, all) })],
  [
    'answers a merge with the given registers',
    (correct) => ({ merge: (subject, all) => correct.merge(subject, all).then(() => all) }),
  ],
  [
    'answers a merge with all keys',
    (correct) => ({ merge: (subject, all) => correct.merge(subject, all).then(() => correct.load(subject)) }),
  ],
  ['rounds stamps to 14 digits', merging((each) => ({ ...each, stamp: Number(each.stamp.toPrecision(14)) }))],
  ['stores tombstones as null', merging((each) => ({ ...each, value: each.value ?? null }))],
  ['stores falsy values as tombstones', merging((each) => ({ ...each, value: each.value || undefined }))],
  [
    'rejects long texts',
    (correct) => ({
      async merge(subject, all) {
        if (JSON.stringify(all).length > 65_535) throw new Error('Data too long for column')
        return correct.merge(subject, all)
      },
    }),
  ],
  [
    'compares and sets in two steps',
    (correct) => ({
      async compareAndSet(subject, register, expected) {
        if (((await stored(correct, subject, register.key))?.stamp ?? 0) !== expected) return false
        await overwrite(correct, subject, [register])
        return true
      },
    }),
  ],
  [
    'treats a tombstone as absent',
    (correct) => ({
      async compareAndSet(subject, register, expected) {
        const current = await stored(correct, subject, register.key)
        const isAbsent = current !== undefined && current.value === undefined && expected === 0
        return correct.compareAndSet(subject, register, isAbsent ? current.stamp : expected)
      },
    }),
  ],
  [
    'writes registers one after the other',
    (correct) => ({
      async merge(subject, all) {
        const answers: StoredRegister[] = []
        for (const each of all) answers.push(...(await correct.merge(subject, [each])))
        return all.length === new Set(all.map(({ key }) => key)).size ? answers : correct.merge(subject, all)
      },
    }),
  ],
  [
    'removes other subjects with the same prefix',
    (correct) => ({
      remove: async (subject) =>
        void (await Promise.all([correct.remove(subject), correct.remove(`${subject}-other`)])),
    }),
  ],
  ['removes nothing', () => ({ remove: async () => undefined })],
  [
    'creates a subject on load',
    (correct) => ({
      async load(subject) {
        const registers = await correct.load(subject)
        if (registers.length === 0) await correct.merge(subject, [{ key: 'a', stamp: 1 }])
        return registers
      },
    }),
  ],
  ['sweeps subjects in use', (correct) => ({ sweep: () => correct.sweep(Number.POSITIVE_INFINITY) })],
  ['sweeps revocations with the rest', (correct) => ({ sweep: (before) => correct.sweep(before) })],
  ['sweeps only by `before`', (correct) => ({ sweep: async (before) => (before === 1 ? 0 : correct.sweep(before)) })],
  ['keeps ids of an older register', outlivingIds],
  ['counts swept subjects wrong', (correct) => ({ sweep: async (...limits) => 2 * (await correct.sweep(...limits)) })],
]

const SWEEPS = 'sweep deletes subjects unused since `before`, and returns their number'
const ENDS = 'sweep keeps $epoch and $generation if used since `revocations`'
const LIVES = 'sweep deletes a subject that has outlived its own $maxAge, but keeps $epoch'
const IDS = 'keeps up to 200 ids of a register, even of a tombstone'
const SAME = 'of equal registers, keeps the register with ids, in any order'
const WHOLE = 'a load sees a merge as a whole or not at all'

async function failures(store: Store): Promise<readonly string[]> {
  const failed: string[] = []
  for (const { name, run } of storeContract(async () => store)) await run().catch(() => failed.push(name))
  return failed
}

describe('storeContract', () => {
  it.each(DEFECTS)('finds a store that %s', async (_, plant) => {
    const correct = memoryStore()
    const planted: Store = { ...correct, ...plant(correct) }
    expect(await failures(planted)).not.toEqual([])
  })

  it('finds a store whose sweep ignores reads', async () => {
    const [correct, unread] = [memoryStore(), memoryStore()]
    const planted: Store = {
      ...correct,
      async merge(subject, registers) {
        await unread.merge(subject, registers)
        return correct.merge(subject, registers)
      },
      async sweep(before) {
        const deleted = await unread.sweep(before)
        return deleted > 0 ? correct.sweep(Number.POSITIVE_INFINITY) : 0
      },
    }
    expect(await failures(planted)).toContain(
      'sweep keeps subjects used since `before`, by merge, compareAndSet or load',
    )
  })

  it('marks sweeping, ids and atomic merges as recommended', () => {
    const recommended = storeContract(async () => memoryStore()).filter(({ required }) => !required)
    expect(recommended.map(({ name }) => name)).toEqual([SWEEPS, ENDS, LIVES, IDS, SAME, WHOLE])
  })

  it('passes a store that expires subjects on its own', async () => {
    const planted: Store = { ...memoryStore(), sweep: async () => 0 }
    expect(await failures(planted)).toEqual([SWEEPS, LIVES])
  })

  it('passes a store without ids', async () => {
    const correct = memoryStore()
    const plain = ({ key, stamp, value }: StoredRegister): StoredRegister => ({ key, stamp, value })
    const planted: Store = {
      ...correct,
      merge: (subject, registers) => correct.merge(subject, registers.map(plain)),
      compareAndSet: (subject, register, expected) => correct.compareAndSet(subject, plain(register), expected),
    }
    expect(await failures(planted)).toEqual([IDS, SAME])
  })
})

/** A store that never forgets the ids of a key. */
function outlivingIds(correct: Store): Planted {
  const kept = new Map<string, StoredRegister['ids']>()
  const known = (subject: string, rows: readonly StoredRegister[]): readonly StoredRegister[] =>
    rows.map((row) => {
      const ids = row.ids ?? kept.get(`${subject} ${row.key}`)
      return ids ? { ...row, ids } : row
    })
  return {
    async merge(subject, registers) {
      for (const { key, ids } of registers) if (ids) kept.set(`${subject} ${key}`, ids)
      return known(subject, await correct.merge(subject, registers))
    },
    load: async (subject) => known(subject, await correct.load(subject)),
  }
}

function renaming(rename: (name: string) => string): (correct: Store) => Planted {
  return (correct) => ({
    load: (subject) => correct.load(rename(subject)),
    merge: (subject, registers) => correct.merge(rename(subject), registers),
  })
}

function merging(change: (register: StoredRegister) => StoredRegister): (correct: Store) => Planted {
  return (correct) => ({ merge: (subject, all) => correct.merge(subject, all.map(change)) })
}

async function stored(correct: Store, subject: string, key: string) {
  return (await correct.load(subject)).find((register) => register.key === key)
}

async function overwrite(
  correct: Store,
  subject: string,
  registers: readonly StoredRegister[],
): Promise<readonly StoredRegister[]> {
  const standing = new Map([...(await correct.load(subject)), ...registers].map((each) => [each.key, each]))
  await correct.remove(subject)
  await correct.merge(subject, [...standing.values()])
  return registers
}

async function keepFirst(
  correct: Store,
  subject: string,
  registers: readonly StoredRegister[],
): Promise<readonly StoredRegister[]> {
  const known = new Set((await correct.load(subject)).map(({ key }) => key))
  return correct.merge(
    subject,
    registers.filter(({ key }) => !known.has(key)),
  )
}

async function lastOfEqual(
  correct: Store,
  subject: string,
  registers: readonly StoredRegister[],
): Promise<readonly StoredRegister[]> {
  const stamps = new Map((await correct.load(subject)).map(({ key, stamp }) => [key, stamp]))
  const [equal, other] = [true, false].map((is) =>
    registers.filter(({ key, stamp }) => (stamps.get(key) === stamp) === is),
  )
  if (equal && equal.length > 0) await overwrite(correct, subject, equal)
  return correct.merge(subject, other ?? [])
}
