// One call of the store for a subject: what is deleted, and what is written.

import { isEnd, type StoredRegister } from '../../../shared/register.js'
import type { Replica } from '../../../shared/replica.js'
import { generationRegister, stateOf } from '../ends/ending.js'
import { FIRST_GENERATION } from '../names/generation.js'
import { type StoredName, storeName } from '../names/stored-name.js'
import type { SoundStore } from './sound-store.js'

/** A call that is due, or under way, besides the registers. */
export interface Batch {
  /** The names under which the store first deletes all that it has of the subject. */
  readonly erases: readonly string[]
  /** Called when all is stored, or will not be. */
  readonly waiters: ((isStored: boolean) => void)[]
}

export function batch(erases: readonly string[] = []): Batch {
  return { erases, waiters: [] }
}

export function isErasure(batch: Batch | undefined): boolean {
  return batch !== undefined && batch.erases.length > 0
}

/** Returns the call for what was due before, and since. */
export function joined(before: Batch, since: Batch): Batch {
  return {
    erases: [...new Set([...before.erases, ...since.erases])],
    waiters: [...before.waiters, ...since.waiters],
  }
}

/**
 * Deletes what is to be deleted, and writes: what has ended for a user under the user's own name, and the values under the name of their
 * generation. Resolves with the rows that the store then has. What it finds to have ended is added to the registers.
 */
export async function write(
  store: SoundStore,
  subject: StoredName,
  registers: Replica,
  { erases }: Batch,
  generation: number,
): Promise<readonly StoredRegister[]> {
  for (const name of erases) {
    const former = await clear(store, name, registers)
    // The generation of an erasure that this process has not heard of.
    if (former > FIRST_GENERATION && former < generation) await clear(store, storeName(subject, former), registers)
  }
  const all = registers.registers()
  if (generation === FIRST_GENERATION) return store.merge(storeName(subject), all)
  // The answer tells of a later erasure.
  const ends = [...all.filter(isEnd), generationRegister(generation)]
  const rows = await store.merge(storeName(subject), ends)
  const values = all.filter((register) => !isEnd(register))
  return [...rows, ...(await store.merge(storeName(subject, generation), values))]
}

/**
 * Clears a name, but keeps what another process has ended there and this one has not heard of. Both calls go out together, so that no write
 * of another process comes between. Resolves with the generation that was found there.
 */
async function clear(store: SoundStore, name: string, registers: Replica): Promise<number> {
  const asked = [store.load(name), store.remove(name)] as const
  // If one call fails, the other must still be over before what comes next.
  const [load] = await Promise.allSettled(asked)
  // A removal that fails may have happened all the same: what has to stay is retried with the rest.
  const found = load.status === 'fulfilled' ? load.value : []
  for (const end of found.filter(isEnd)) registers.merge(end, 'store')
  await Promise.all(asked)
  return stateOf(found).generation
}
