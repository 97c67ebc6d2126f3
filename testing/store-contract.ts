// Runs the rules of the store contract against several connections to a store.

import { randomUUID } from 'node:crypto'
import type { Store } from '../server/types/store.js'
import { KEEPING } from './contract/keeping.js'
import { KNOWING } from './contract/knowing.js'
import { MERGING } from './contract/merging.js'
import { RACES } from './contract/races.js'
import { inTurn, type Rule } from './contract/rule.js'

/** A test of the contract. */
export interface ContractTest {
  /** The name of the test, which states a rule of the contract. */
  readonly name: string
  /** Whether the plugin relies on this rule; other rules are recommended. */
  readonly required: boolean
  /** Rejects with an AssertionError if the store breaks the rule. */
  run(): Promise<void>
}

const CONNECTIONS = 4

/**
 * Returns the contract of every `Store` as tests for any runner; the documentation of `Store` describes the contract in words.
 *
 * Each test calls `create` four times, which must always connect to the **same** place: the same table, the same prefix. If a store can
 * have several connections, return different connections, at least in turn, so that they race with each other like nodes. For a store
 * within the process, you may return the same store each time. Each test closes its stores. A store's `close()` closes no client that
 * `create` has opened: close such clients yourself after all tests.
 *
 * Use a place for these tests only: each test has its own subject, but `sweep` affects all subjects. Run the tests one after the other.
 *
 * @example
 * for (const { name, run } of storeContract(async () => redisStore(await createClient({ url }).connect()))) test(name, run)
 */
export function storeContract(create: () => Promise<Store>): readonly ContractTest[] {
  return [...MERGING, ...KEEPING, ...KNOWING, ...RACES].map((rule) => ({
    name: rule.name,
    required: rule.required ?? true,
    run: () => runRule(rule, create),
  }))
}

async function runRule({ check }: Rule, create: () => Promise<Store>): Promise<void> {
  const first = await create()
  const others = await Promise.all(Array.from({ length: CONNECTIONS - 1 }, create))
  const connections = [first, ...others]
  const store = inTurn(connections, 0)
  const subject = `contract-${randomUUID()}`
  try {
    await check({ store, connections, subject })
    await store.remove(subject)
  } finally {
    await Promise.all(connections.map((each) => each.close()))
  }
}
