// Combines the deletes and writes of a subject into a store call, and performs the call.

import { isRevocation, type LwwRegister } from '../../shared/register.js'
import type { Replica } from '../../shared/replica.js'
import { generationRegister, stateOf } from '../ends/validity.js'
import { FIRST_GENERATION, type StoreKey, storeKey } from '../subjects/store-key.js'
import type { ValidatedStore } from './validated-store.js'

/** A store call, queued or in flight. `PendingWrites.registers` has the registers to write. */
export interface StoreCall {
  /** The store keys whose registers are all deleted before the write. */
  readonly erases: readonly string[]
  /** Callbacks: each receives true when the call has succeeded, or false if the call's writes were evicted. */
  readonly waiters: ((isStored: boolean) => void)[]
}

export function storeCall(erases: readonly string[] = []): StoreCall {
  return { erases, waiters: [] }
}

export function isErasure(call: StoreCall | undefined): boolean {
  return call !== undefined && call.erases.length > 0
}

/** Merges a failed or queued call with a later call. */
export function joined(before: StoreCall, since: StoreCall): StoreCall {
  return {
    erases: [...new Set([...before.erases, ...since.erases])],
    waiters: [...before.waiters, ...since.waiters],
  }
}

/**
 * Performs the deletes, then writes the values under the store key of `generation`. A user's revocation registers go under the first store
 * key, that of generation 0. Resolves with the stored registers after the merge. Adds the revocation registers found during the deletes to
 * `registers`.
 */
export async function write(
  store: ValidatedStore,
  subject: StoreKey,
  registers: Replica,
  { erases }: StoreCall,
  generation: number,
): Promise<readonly LwwRegister[]> {
  for (const name of erases) {
    const former = await clear(store, name, registers)
    // Another process has erased the user, unknown to this process. The values are under the store key of the generation `former`.
    if (former > FIRST_GENERATION && former < generation) await clear(store, storeKey(subject, former), registers)
  }
  const all = registers.registers()
  if (generation === FIRST_GENERATION) return store.merge(storeKey(subject), all)
  // If another process has erased the subject again, the answer contains the later generation.
  const revocationRegisters = [...all.filter(isRevocation), generationRegister(generation)]
  const stored = await store.merge(storeKey(subject), revocationRegisters)
  const values = all.filter((register) => !isRevocation(register))
  return [...stored, ...(await store.merge(storeKey(subject, generation), values))]
}

/**
 * Deletes all registers under a store key, and resolves with the generation found there. Adds the deleted revocation registers to
 * `registers`: a revocation by another process must survive. Sends load and removal together, to leave no gap for another process's write.
 */
async function clear(store: ValidatedStore, name: string, registers: Replica): Promise<number> {
  const asked = [store.load(name), store.remove(name)] as const
  // Waits for the removal even if the load fails, because a late removal would delete the next write.
  const [load] = await Promise.allSettled(asked)
  // A removal may succeed and still report an error, so collect the revocations before checking for errors.
  const stored = load.status === 'fulfilled' ? load.value : []
  for (const revocation of stored.filter(isRevocation)) registers.merge(revocation, 'store')
  await Promise.all(asked)
  return stateOf(stored).generation
}
