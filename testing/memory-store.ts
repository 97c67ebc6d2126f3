// The reference implementation of `Store`, in memory, with failures and delays for tests.

import type { Store, StoredRegister } from '../server/types/store.js'
import { freezeJson } from '../shared/json.js'
import { isRevocation, type LwwRegister, MAX_AGE_KEY } from '../shared/register.js'
import { Replica } from '../shared/replica.js'
import { toStamp } from '../shared/stamp.js'

/** A store in memory, with simulated faults. */
export interface MemoryStore extends Store {
  /**
   * Makes the next `times` operations reject; with `Infinity`, all operations until `fail(0)`.
   *
   * @param times 1 if omitted
   */
  fail(times?: number): void
  /** Delays the start of each operation from now on. */
  delay(ms: number): void
}

interface Held {
  readonly replica: Replica
  used: number
}

/**
 * Creates the reference store: the simplest implementation of the contract, in memory only. Plugins with the same instance simulate nodes
 * with a shared store; `close()` does nothing.
 *
 * @param clock returns ms since 1970, for the decisions of `sweep`
 * @example
 * const store = memoryStore()
 * for (const { name, run } of storeContract(async () => store)) test(name, run)
 */
export function memoryStore(clock: () => number = Date.now): MemoryStore {
  const subjects = new Map<string, Held>()
  let failures = 0
  let pause = 0

  const attempt = async (): Promise<void> => {
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
    if (failures === 0) return
    failures -= 1
    throw new Error('memoryStore: fails, as it was told to')
  }
  const use = (subject: string): Replica => {
    const held = subjects.get(subject) ?? { replica: new Replica(), used: 0 }
    held.used = clock()
    subjects.set(subject, held)
    return held.replica
  }

  return {
    async load(subject) {
      await attempt()
      return subjects.has(subject) ? use(subject).registers() : []
    },
    async merge(subject, registers) {
      await attempt()
      if (registers.length === 0) return []
      const replica = use(subject)
      for (const register of registers) replica.merge(copy(register), 'store')
      const keys = new Set(registers.map(({ key }) => key))
      return replica.registers().filter(({ key }) => keys.has(key))
    },
    async compareAndSet(subject, register, expected) {
      await attempt()
      if ((subjects.get(subject)?.replica.stamp(register.key) ?? 0) !== expected) return false
      // Replace instead of merge: by the merge rule, the existing register might win.
      const others = use(subject).registers()
      const replica = Replica.of([...others.filter(({ key }) => key !== register.key), copy(register)], 'store')
      subjects.set(subject, { replica, used: clock() })
      return true
    },
    async remove(subject) {
      await attempt()
      subjects.delete(subject)
    },
    async removeValues(subject) {
      await attempt()
      subjects.get(subject)?.replica.forget((register) => !isRevocation(register))
    },
    async prune(subject, before) {
      await attempt()
      subjects.get(subject)?.replica.forget(({ stamp, value }) => value === undefined && stamp < before)
    },
    async sweep(before, { guests = before, revocations = before } = {}) {
      await attempt()
      const unused = [...subjects].flatMap(([subject, { replica, used }]) => {
        const own = replica.value(MAX_AGE_KEY)
        const outlived = typeof own === 'number' ? clock() - own : before
        const limit = Math.max(before, outlived, subject.startsWith('browser:') ? guests : before)
        const left = used < revocations ? [] : replica.registers().filter(isRevocation)
        return used < limit && replica.registers().length > left.length ? [{ subject, left, used }] : []
      })
      for (const { subject, left, used } of unused) {
        if (left.length === 0) subjects.delete(subject)
        else subjects.set(subject, { replica: Replica.of(left, 'store'), used })
      }
      return unused.length
    },
    async close() {},
    fail(times = 1) {
      failures = times
    },
    delay(ms) {
      pause = ms
    },
  }
}

/** Copies a register, so that neither side can change the other's. */
function copy({ key, stamp, value, ids: given }: StoredRegister): LwwRegister {
  const ids = given?.map(([id, at]) => [id, toStamp(at)] as const)
  const read = { key, stamp: toStamp(stamp), ...(ids === undefined ? {} : { ids }) }
  return value === undefined ? read : { ...read, value: freezeJson(value) }
}
