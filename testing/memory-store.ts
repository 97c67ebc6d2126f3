// The reference implementation of `Store`, in memory, with failures and delays for tests.

import {
  decodeRegister,
  type EncodedRegister,
  encodeRegister,
  mergeRegisters,
  TOMBSTONE,
} from '../server/store/registers.js'
import { sweepRule } from '../server/store/sweep-rule.js'
import type { Store } from '../server/types/store.js'
import { isRevocation } from '../shared/register.js'

/** A store in memory, with simulated faults. */
export interface MemoryStore extends Store {
  /**
   * Makes the next `times` operations reject, retries included; with `Infinity`, all operations until `fail(0)`.
   *
   * @param times 1 if omitted
   */
  fail(times?: number): void
  /** Delays the start of each operation from now on. */
  delay(ms: number): void
}

interface Held {
  readonly registers: readonly EncodedRegister[]
  readonly lastUse: number
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
  const registersOf = (subject: string): readonly EncodedRegister[] => subjects.get(subject)?.registers ?? []
  const use = (subject: string, registers: readonly EncodedRegister[]): void => {
    subjects.set(subject, { registers, lastUse: clock() })
  }

  return {
    async load(subject) {
      await attempt()
      const registers = registersOf(subject)
      if (registers.length > 0) use(subject, registers)
      return registers.map(decodeRegister)
    },
    async merge(subject, registers) {
      await attempt()
      if (registers.length === 0) return []
      const merged = mergeRegisters(registersOf(subject), registers.map(encodeRegister))
      use(subject, merged)
      const keys = new Set(registers.map(({ key }) => key))
      return merged.filter(({ key }) => keys.has(key)).map(decodeRegister)
    },
    async compareAndSet(subject, register, expected) {
      await attempt()
      const { key } = register
      const stored = registersOf(subject)
      if ((stored.find((other) => other.key === key)?.stamp ?? 0) !== expected) return false
      // Replace instead of merge: by the merge rule, the existing register might win.
      use(subject, [...stored.filter((other) => other.key !== key), encodeRegister(register)])
      return true
    },
    async remove(subject) {
      await attempt()
      subjects.delete(subject)
    },
    async removeValues(subject) {
      await attempt()
      const held = subjects.get(subject)
      if (held === undefined) return
      const left = held.registers.filter(isRevocation)
      if (left.length === 0) subjects.delete(subject)
      else subjects.set(subject, { ...held, registers: left })
    },
    async prune(subject, before) {
      await attempt()
      const held = subjects.get(subject)
      if (held === undefined) return
      const left = held.registers.filter(({ stamp, value }) => value !== TOMBSTONE || stamp >= before)
      subjects.set(subject, { ...held, registers: left })
    },
    async sweep(before, limits) {
      await attempt()
      const { keep } = sweepRule(before, limits, { now: clock() })
      let swept = 0
      for (const [subject, { registers, lastUse }] of subjects) {
        const left = keep(subject, registers, lastUse)
        if (left.length === 0) subjects.delete(subject)
        else subjects.set(subject, { registers: left, lastUse })
        if (left.length < registers.length) swept += 1
      }
      return swept
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
