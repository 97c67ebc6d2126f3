// Tests the store contract: which ids of updates a store retains with a register.

import { deepStrictEqual, ok } from 'node:assert/strict'
import type { StoredRegister } from '../../server/types/store.js'
import type { JsonValue } from '../../shared/json.js'
import type { IdempotencyKey, LwwRegister } from '../../shared/register.js'
import { toStamp } from '../../shared/stamp.js'
import { type Rule, register, STAMP, sorted } from './rule.js'

const IDS = acceptedIds(2)

export const KNOWING: readonly Rule[] = [
  {
    name: 'keeps up to 200 ids of a register, even of a tombstone',
    required: false,
    async check({ store, connections, subject }) {
      const many = acceptedIds(200)
      const registers = [
        updated('a', STAMP, 1, IDS),
        updated('b', STAMP, undefined, IDS),
        updated('c', STAMP, [], many),
      ]
      deepStrictEqual(idsOf(await store.merge(subject, registers)), [IDS, IDS, many])
      ok(await store.compareAndSet(subject, updated('d', STAMP, '\t!', IDS), 0))
      ok(await store.compareAndSet(subject, updated('a', STAMP + 1, 2, many), STAMP))
      for (const each of connections) deepStrictEqual(idsOf(await each.load(subject)), [many, IDS, many, IDS])
    },
  },
  {
    name: 'drops the ids of a replaced register',
    async check({ store, subject }) {
      await store.merge(subject, [
        updated('a', STAMP, 1, IDS),
        updated('b', STAMP, 1, IDS),
        updated('c', STAMP, 1, IDS),
      ])
      const larger = [register('a', STAMP + 1, 1), register('b', STAMP, 2)]
      deepStrictEqual(idsOf(await store.merge(subject, larger)), [undefined, undefined])
      ok(await store.compareAndSet(subject, register('c', STAMP + 1, 1), STAMP))
      deepStrictEqual(idsOf(await store.load(subject)), [undefined, undefined, undefined])
    },
  },
  {
    name: 'ignores the ids of an older register',
    async check({ store, subject }) {
      const newer = register('a', STAMP + 1, 1)
      await store.merge(subject, [newer])
      deepStrictEqual(idsOf(await store.merge(subject, [updated('a', STAMP, 1, IDS)])), [undefined])
    },
  },
  {
    name: 'of equal registers, keeps the register with ids, in any order',
    required: false,
    async check({ store, subject }) {
      const values = [1, '', { d: 'e' }, 12, undefined]
      const plain = values.map((value, index) => register(`k${index}`, STAMP, value))
      const known = plain.map((each) => ({ ...each, ids: IDS }))
      deepStrictEqual(
        idsOf(await store.merge(subject, plain)),
        plain.map(() => undefined),
      )
      for (const each of [known, plain])
        deepStrictEqual(
          idsOf(await store.merge(subject, each)),
          plain.map(() => IDS),
        )
    },
  },
  {
    name: 'on equal stamps, keeps the larger text, with or without ids',
    async check({ store, subject }) {
      const smaller = [1, '', { d: 'e' }, 12, undefined].map((value, index) => updated(`k${index}`, STAMP, value, IDS))
      const larger = [10, 'a', { e: 0 }, 2, null].map((value, index) => register(`k${index}`, STAMP, value))
      for (const each of [smaller, larger, smaller]) await store.merge(subject, each)
      deepStrictEqual(sorted(await store.load(subject)), sorted(larger))
    },
  },
  {
    name: 'prune also deletes tombstones with ids',
    async check({ store, subject }) {
      await store.merge(subject, [updated('a', STAMP, undefined, IDS), updated('b', STAMP, '', IDS)])
      await store.prune?.(subject, STAMP + 1)
      deepStrictEqual(
        (await store.load(subject)).map(({ key }) => key),
        store.prune ? ['b'] : ['a', 'b'],
      )
    },
  },
]

/** Returns the ids of each register, sorted by key, as stores have no order. */
function idsOf(registers: readonly StoredRegister[]): readonly StoredRegister['ids'][] {
  return registers.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ ids }) => ids)
}

function acceptedIds(count: number): readonly IdempotencyKey[] {
  const ids = Array.from({ length: count }, (_, index) => {
    return [`-_${String(index).padStart(30, 'x')}`, toStamp(STAMP + index)] as const
  })
  // An empty id is the forgotten watermark, in place of dropped ids.
  return [['', toStamp(STAMP)], ...ids.slice(1)]
}

function updated(
  key: string,
  stamp: number,
  value: JsonValue | undefined,
  ids: readonly IdempotencyKey[],
): LwwRegister {
  return { ...register(key, stamp, value), ids }
}
