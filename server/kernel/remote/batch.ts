import { isEnd, type StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import { generationRegister, stateOf } from '../ends/ending.js'
import type { GuestBytes } from '../memory/guest-bytes.js'
import { FIRST_GENERATION } from '../names/generation.js'
import { type StoredName, storeName } from '../names/stored-name.js'
import type { SoundStore } from './sound-store.js'

/** The writes that go to the store in one call. */
export interface Batch {
  /** The newest of each key. */
  readonly registers: Replica
  /** The names under which the store first deletes all that it has of the subject. */
  readonly erases: readonly string[]
  /** Called when it is stored, or will not be. */
  readonly waiters: ((isStored: boolean) => void)[]
}

export function batch(): Batch {
  return { registers: new Replica(), erases: [], waiters: [] }
}

export function isErasure(next: Batch | undefined): boolean {
  return next !== undefined && next.erases.length > 0
}

/** Returns a batch of what failed and what has come since. */
export function again(failed: Batch, since: Batch = batch()): Batch {
  const waiters = [...failed.waiters, ...since.waiters]
  // Writes from before an erasure no longer count.
  const before = failed.registers.registers().filter((register) => !isErasure(since) || isEnd(register))
  const registers = Replica.of([...before, ...since.registers.registers()], 'job')
  return { registers, erases: [...new Set([...failed.erases, ...since.erases])], waiters }
}

/** Returns what must be written of a batch in any case: that something of a user has ended. */
export function endsOf({ registers, erases }: Batch): Batch | undefined {
  const ends = registers.registers().filter((register) => isEnd(register) && register.value !== undefined)
  return ends.length === 0 ? undefined : { registers: Replica.of(ends, 'job'), erases, waiters: [] }
}

/** The bound for guests' waiting writes, who is a guest, and the callback for a guest whose writes are dropped. */
export interface Waiting {
  readonly guestBytes: GuestBytes
  readonly isGuest: (name: StoredName) => boolean
  readonly onLetGo: (guest: StoredName) => void
}

/** The rows that the store now has for what was written. */
export interface StoredRows {
  readonly rows: readonly StoredRegister[]
  /** The generation of the values. */
  readonly generation: number
}

/** The callbacks of the backlog. */
export interface BacklogNeeds {
  /** Returns which generation of a subject's values counts. */
  generation(subject: StoredName): number
  /** Called with what the store now has for the keys that were written: another process may have been faster. */
  onStanding(subject: StoredName, standing: StoredRows): void
  /** Called for a subject that is stored after an outage, or after an erasure by another process. */
  onLate(subject: StoredName): void
}

/** The writes of a subject that wait, and those that are on their way. */
export interface Lane {
  /** How often the store had failed when the first waiting write came. */
  outages: number
  sent: Batch | undefined
  /** The generation of what is sent. */
  generation: number
  next: Batch | undefined
  /** How often it has failed at a store that was not down. */
  failures: number
  isResting: boolean
}

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
  return stateOf(found).generation
}
