import { isEnd } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'

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
