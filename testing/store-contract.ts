import { randomUUID } from 'node:crypto'
import type { Store } from '../server/stores/store.js'
import { KEEPING } from './contract/keeping.js'
import { KNOWING } from './contract/knowing.js'
import { MERGING } from './contract/merging.js'
import { RACES } from './contract/races.js'
import { inTurn, type Rule } from './contract/rule.js'

/** One test of the contract. */
export interface ContractTest {
  /** What the store keeps, as a fact: the name of the test. */
  readonly name: string
  /** Whether a plugin relies on it; the others are recommended. */
  readonly required: boolean
  /** Rejects with an AssertionError where the store does not keep it. */
  run(): Promise<void>
}

const CONNECTIONS = 4

/**
 * What every `Store` keeps, as tests for any runner; what that is in words is in the documentation of `Store`.
 *
 * `create` is asked four times for each test. Each time it gives a connection to the **same** place: the same table, the same
 * prefix. Give different connections, in turn at least, wherever a store can have several, as the races between them are what two
 * nodes are to each other; a store that lives in one process may be given again and again. Each store is closed after its test
 * (`close()` closes nothing that `create` has opened: keep what that is, and end it after all tests).
 *
 * The place is one for tests: they use subjects of their own, but `sweep` concerns all. Run them one after the other.
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
