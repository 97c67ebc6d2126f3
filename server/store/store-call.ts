// Combines the deletes and writes of a subject into a store call, and performs the call.

import { isRevocation, type LwwRegister } from '../../shared/register.js'
import type { Replica } from '../../shared/replica.js'
import { generationRegister, stateOf } from '../ends/validity.js'
import { FIRST_GENERATION, type StoreKey, storeKey } from '../subjects/store-key.js'
import type { ValidatedStore } from './validated-store.js'

/** A store call, queued or in flight. `PendingWrites.registers` has the registers to write. */
export interface StoreCall {
  /** The store keys whose values are all deleted before the write. */
  readonly clears: readonly string[]
  /** Callbacks: each receives true when the call has succeeded, or false if the call's writes were evicted. */
  readonly waiters: ((isStored: boolean) => void)[]
}

export function storeCall(clears: readonly string[] = []): StoreCall {
  return { clears, waiters: [] }
}

export function isClearing(call: StoreCall | undefined): boolean {
  return call !== undefined && call.clears.length > 0
}

/** Merges a failed or queued call with a later call. */
export function combined(before: StoreCall, since: StoreCall): StoreCall {
  return {
    clears: [...new Set([...before.clears, ...since.clears])],
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
  { clears }: StoreCall,
  generation: number,
): Promise<readonly LwwRegister[]> {
  const first = storeKey(subject)
  for (const name of clears) {
    if (name === first) await clear(store, subject, registers, generation)
    else await store.remove(name)
  }
  const all = registers.registers()
  if (generation === FIRST_GENERATION) return store.merge(first, all)
  // If another process has erased the subject again, the answer contains the later generation.
  const stored = await store.merge(first, revocationsIn(registers, generation))
  const values = all.filter((register) => !isRevocation(register))
  return [...stored, ...(await store.merge(storeKey(subject, generation), values))]
}

/**
 * Writes the revocation registers, then deletes all values under the first store key. A process that loads in between must find the values
 * or their end: a sign-out there ends the login of the session that it finds.
 */
async function clear(store: ValidatedStore, subject: StoreKey, registers: Replica, generation: number): Promise<void> {
  const name = storeKey(subject)
  if (generation > FIRST_GENERATION) {
    const former = stateOf(await store.load(name)).generation
    // Another process has erased the user, unknown to this process. The values are under the store key of the generation `former`.
    if (former > FIRST_GENERATION && former < generation) await store.remove(storeKey(subject, former))
  }
  // A store without `removeValues` also deletes another process's revocation. So reads it first: the merge that follows writes it again.
  const known = revocationsIn(registers, generation)
  const stored = await (known.length > 0 ? store.merge(name, known) : store.load(name))
  for (const revocation of stored.filter(isRevocation)) registers.merge(revocation, 'store')
  await store.removeValues(name)
}

function revocationsIn(registers: Replica, generation: number): readonly LwwRegister[] {
  const known = registers.registers().filter(isRevocation)
  return generation === FIRST_GENERATION ? known : [...known, generationRegister(generation)]
}
