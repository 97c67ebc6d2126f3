import { isEnd } from '../../../shared/register.js'
import type { Replica } from '../../../shared/replica.js'
import { generationRegister, standing } from '../names/ending.js'
import { FIRST_GENERATION } from '../names/generation.js'
import type { Batch } from './batch.js'
import type { StoredRows } from './lane.js'
import { type StoredName, storeName } from './name.js'
import type { SoundStore } from './sound-store.js'

/** Writes a batch: what has ended for a user under the user's own name, and the values under the name of their generation. */
export async function write(
  store: SoundStore,
  subject: StoredName,
  { registers, erases }: Batch,
  generation: number,
): Promise<StoredRows> {
  for (const name of erases) {
    const former = await clear(store, name, registers)
    // The generation of an erasure that this process has not heard of.
    if (former > FIRST_GENERATION && former < generation) await clear(store, storeName(subject, former), registers)
  }
  const all = registers.registers()
  if (generation === FIRST_GENERATION) return { rows: await store.merge(storeName(subject), all), generation }
  // The answer tells of a later erasure.
  const ends = [...all.filter(isEnd), generationRegister(generation)]
  const rows = await store.merge(storeName(subject), ends)
  const values = all.filter((register) => !isEnd(register))
  return { rows: [...rows, ...(await store.merge(storeName(subject, generation), values))], generation }
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
  return standing(found).generation
}
