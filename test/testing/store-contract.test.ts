import { describe, expect, it } from '@jest/globals'
import type { Store, StoredRegister } from 'koa-live-session'
import { memoryStore, storeContract } from 'koa-live-session/testing'

type Planted = Partial<Store>

/** Stores with a single defect each; every defect has happened in Redis or SQL. */
const DEFECTS: readonly (readonly [string, (sound: Store) => Planted])[] = [
  ['compares subjects case-insensitively', renaming((name) => name.toLowerCase())],
  ['ignores trailing spaces', renaming((name) => name.replace(/ +$/, ''))],
  ['ignores accents', renaming((name) => name.normalize('NFD').replace(/\p{M}/gu, ''))],
  ['truncates subjects', renaming((name) => name.slice(0, 128))],
  ['keeps the last write', (sound) => ({ merge: (subject, all) => overwrite(sound, subject, all) })],
  ['keeps the first write', (sound) => ({ merge: (subject, all) => keepFirst(sound, subject, all) })],
  ['keeps the last of equal stamps', (sound) => ({ merge: (subject, all) => lastOfEqual(sound, subject, all) })],
  [
    'answers a merge with the given registers',
    (sound) => ({ merge: (subject, all) => sound.merge(subject, all).then(() => all) }),
  ],
  [
    'answers a merge with all keys',
    (sound) => ({ merge: (subject, all) => sound.merge(subject, all).then(() => sound.load(subject)) }),
  ],
  ['rounds stamps to 14 digits', merging((each) => ({ ...each, stamp: Number(each.stamp.toPrecision(14)) }))],
  ['stores tombstones as null', merging((each) => ({ ...each, value: each.value ?? null }))],
  ['stores falsy values as tombstones', merging((each) => ({ ...each, value: each.value || undefined }))],
  [
    'rejects long texts',
    (sound) => ({
      async merge(subject, all) {
        if (JSON.stringify(all).length > 65_535) throw new Error('Data too long for column')
        return sound.merge(subject, all)
      },
    }),
  ],
  [
    'compares and sets in two steps',
    (sound) => ({
      async compareAndSet(subject, register, expected) {
        if (((await stored(sound, subject, register.key))?.stamp ?? 0) !== expected) return false
        await overwrite(sound, subject, [register])
        return true
      },
    }),
  ],
  [
    'treats a tombstone as absent',
    (sound) => ({
      async compareAndSet(subject, register, expected) {
        const current = await stored(sound, subject, register.key)
        const isAbsent = current !== undefined && current.value === undefined && expected === 0
        return sound.compareAndSet(subject, register, isAbsent ? current.stamp : expected)
      },
    }),
  ],
  [
    'writes registers one after the other',
    (sound) => ({
      async merge(subject, all) {
        const answers: StoredRegister[] = []
        for (const each of all) answers.push(...(await sound.merge(subject, [each])))
        return all.length === new Set(all.map(({ key }) => key)).size ? answers : sound.merge(subject, all)
      },
    }),
  ],
  [
    'removes other subjects with the same prefix',
    (sound) => ({
      remove: async (subject) => void (await Promise.all([sound.remove(subject), sound.remove(`${subject}-other`)])),
    }),
  ],
  ['removes nothing', () => ({ remove: async () => undefined })],
  [
    'creates a subject on load',
    (sound) => ({
      async load(subject) {
        const registers = await sound.load(subject)
        if (registers.length === 0) await sound.merge(subject, [{ key: 'a', stamp: 1 }])
        return registers
      },
    }),
  ],
  ['sweeps subjects in use', (sound) => ({ sweep: () => sound.sweep(Number.POSITIVE_INFINITY) })],
  ['sweeps revocations with the rest', (sound) => ({ sweep: (before) => sound.sweep(before) })],
  ['keeps ids of an older register', outlivingIds],
  ['counts swept subjects wrong', (sound) => ({ sweep: async (...limits) => 2 * (await sound.sweep(...limits)) })],
]

const SWEEPS = 'sweep deletes subjects unused since `before`, and returns their number'
const ENDS = 'sweep keeps $epoch and $generation if used since `revocations`'
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
    const sound = memoryStore()
    const planted: Store = { ...sound, ...plant(sound) }
    expect(await failures(planted)).not.toEqual([])
  })

  it('finds a store whose sweep ignores reads', async () => {
    const [sound, unread] = [memoryStore(), memoryStore()]
    const planted: Store = {
      ...sound,
      async merge(subject, registers) {
        await unread.merge(subject, registers)
        return sound.merge(subject, registers)
      },
      async sweep(before) {
        const deleted = await unread.sweep(before)
        return deleted > 0 ? sound.sweep(Number.POSITIVE_INFINITY) : 0
      },
    }
    expect(await failures(planted)).toContain(
      'sweep keeps subjects used since `before`, by merge, compareAndSet or load',
    )
  })

  it('marks sweeping, ids and atomic merges as recommended', () => {
    const recommended = storeContract(async () => memoryStore()).filter(({ required }) => !required)
    expect(recommended.map(({ name }) => name)).toEqual([SWEEPS, ENDS, IDS, SAME, WHOLE])
  })

  it('passes a store that expires subjects on its own', async () => {
    const planted: Store = { ...memoryStore(), sweep: async () => 0 }
    expect(await failures(planted)).toEqual([SWEEPS])
  })

  it('passes a store without ids', async () => {
    const sound = memoryStore()
    const plain = ({ key, stamp, value }: StoredRegister): StoredRegister => ({ key, stamp, value })
    const planted: Store = {
      ...sound,
      merge: (subject, registers) => sound.merge(subject, registers.map(plain)),
      compareAndSet: (subject, register, expected) => sound.compareAndSet(subject, plain(register), expected),
    }
    expect(await failures(planted)).toEqual([IDS, SAME])
  })
})

/** A store that never forgets the ids of a key. */
function outlivingIds(sound: Store): Planted {
  const kept = new Map<string, StoredRegister['ids']>()
  const known = (subject: string, rows: readonly StoredRegister[]): readonly StoredRegister[] =>
    rows.map((row) => {
      const ids = row.ids ?? kept.get(`${subject} ${row.key}`)
      return ids ? { ...row, ids } : row
    })
  return {
    async merge(subject, registers) {
      for (const { key, ids } of registers) if (ids) kept.set(`${subject} ${key}`, ids)
      return known(subject, await sound.merge(subject, registers))
    },
    load: async (subject) => known(subject, await sound.load(subject)),
  }
}

function renaming(rename: (name: string) => string): (sound: Store) => Planted {
  return (sound) => ({
    load: (subject) => sound.load(rename(subject)),
    merge: (subject, registers) => sound.merge(rename(subject), registers),
  })
}

function merging(change: (register: StoredRegister) => StoredRegister): (sound: Store) => Planted {
  return (sound) => ({ merge: (subject, all) => sound.merge(subject, all.map(change)) })
}

async function stored(sound: Store, subject: string, key: string) {
  return (await sound.load(subject)).find((register) => register.key === key)
}

async function overwrite(
  sound: Store,
  subject: string,
  registers: readonly StoredRegister[],
): Promise<readonly StoredRegister[]> {
  const standing = new Map([...(await sound.load(subject)), ...registers].map((each) => [each.key, each]))
  await sound.remove(subject)
  await sound.merge(subject, [...standing.values()])
  return registers
}

async function keepFirst(
  sound: Store,
  subject: string,
  registers: readonly StoredRegister[],
): Promise<readonly StoredRegister[]> {
  const known = new Set((await sound.load(subject)).map(({ key }) => key))
  return sound.merge(
    subject,
    registers.filter(({ key }) => !known.has(key)),
  )
}

async function lastOfEqual(
  sound: Store,
  subject: string,
  registers: readonly StoredRegister[],
): Promise<readonly StoredRegister[]> {
  const stamps = new Map((await sound.load(subject)).map(({ key, stamp }) => [key, stamp]))
  const [equal, other] = [true, false].map((is) =>
    registers.filter(({ key, stamp }) => (stamps.get(key) === stamp) === is),
  )
  if (equal && equal.length > 0) await overwrite(sound, subject, equal)
  return sound.merge(subject, other ?? [])
}
