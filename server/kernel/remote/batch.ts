import { isEnd } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'

/** What goes to the store in one call. */
export interface Batch {
  /** Newest per key. */
  readonly registers: Replica
  /** All that the store has of the subject goes first: under these names. */
  readonly erases: readonly string[]
  /** To call when it is stored, or is not going to be. */
  readonly waiters: ((isStored: boolean) => void)[]
}

export function batch(): Batch {
  return { registers: new Replica(), erases: [], waiters: [] }
}

export function isErasure(next: Batch | undefined): boolean {
  return next !== undefined && next.erases.length > 0
}

/** What failed, with what has come since. */
export function again(failed: Batch, since: Batch = batch()): Batch {
  const waiters = [...failed.waiters, ...since.waiters]
  // What was to be written before an erasure is of the past.
  const before = failed.registers.registers().filter((register) => !isErasure(since) || isEnd(register))
  const registers = Replica.of([...before, ...since.registers.registers()], 'job')
  return { registers, erases: [...new Set([...failed.erases, ...since.erases])], waiters }
}

/** What of a batch is to be written in any case: that something has ended. */
export function endsOf({ registers, erases }: Batch): Batch | undefined {
  const ends = registers.registers().filter(isEnd)
  if (ends.length === 0 && erases.length === 0) return undefined
  return { registers: Replica.of(ends, 'job'), erases, waiters: [] }
}
