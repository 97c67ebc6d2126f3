// The type of the store contract's rules, with their common fixtures and expected results.

import { isStore, type Store, type StoredRegister } from '../../server/types/store.js'
import type { JsonValue } from '../../shared/json.js'
import { supersedes } from '../../shared/merge-rule.js'
import type { LwwRegister } from '../../shared/register.js'
import { toStamp } from '../../shared/stamp.js'

/** Several connections to the same place, and a subject for this rule alone. */
export interface RuleSetup {
  /** The first of the connections. */
  readonly store: Store
  readonly connections: readonly Store[]
  readonly subject: string
}

/** A required or recommended rule for stores; `check` rejects if the store breaks the rule. */
export interface Rule {
  readonly name: string
  /** @default true */
  readonly required?: boolean
  readonly check: (setup: RuleSetup) => Promise<void>
}

export const STAMP = 1_700_000_000_000

export function register(key: string, stamp: number, value?: JsonValue): LwwRegister {
  const tombstone = { key, stamp: toStamp(stamp) }
  return value === undefined ? tombstone : { ...tombstone, value }
}

type Entry = readonly [key: string, stamp: number, value?: JsonValue]

/** Returns registers as [key, stamp, value], or [key, stamp] for a tombstone, sorted by key, as stores have no order. */
export function sorted(registers: readonly StoredRegister[]): readonly Entry[] {
  const entries = registers.map(
    ({ key, stamp, value }): Entry => (value === undefined ? [key, stamp] : [key, stamp, value]),
  )
  return entries.sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Returns the registers that win after merging all of these, in any order. */
export function newest(registers: readonly LwwRegister[]): readonly Entry[] {
  const expected = new Map<string, LwwRegister>()
  for (const each of registers) {
    const current = expected.get(each.key)
    if (!current || supersedes(each, current)) expected.set(each.key, each)
  }
  return sorted([...expected.values()])
}

/** Returns the connection whose turn it is. */
export function inTurn(connections: readonly Store[], turn: number): Store {
  const store = connections[turn % connections.length]
  if (isStore(store)) return store
  throw new TypeError(
    `koa-live-session: storeContract: expected create to answer with a store, received ${typeof store}`,
  )
}
