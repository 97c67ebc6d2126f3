import type { StoredRegister } from '../../../shared/register.js'
import type { Batch } from './batch.js'
import type { StoredName } from './name.js'

/** What of the guests may wait here, and who is told of one whose writes go nowhere. */
export interface Waiting {
  readonly maxGuestBytes: number
  readonly onLetGo: (guest: StoredName) => void
}

/** What stands in the store for what was written. */
export interface StoredRows {
  readonly rows: readonly StoredRegister[]
  /** That the values are of. */
  readonly generation: number
}

/** What the backlog asks, and tells. */
export interface BacklogNeeds {
  /** Which generation of a subject's values counts. */
  generation(subject: StoredName): number
  /** Told what stands in the store for the keys that were written: another process may have been faster. */
  onStanding(subject: StoredName, standing: StoredRows): void
  /** Told of what is stored after an outage, or after an erasure by another process. */
  onLate(subject: StoredName): void
}

/** What of a subject waits, and what is on its way. */
export interface Lane {
  /** How often the store had failed as the first of what waits came. */
  outages: number
  sent: Batch | undefined
  /** That what is sent is of. */
  generation: number
  next: Batch | undefined
  /** How often it has failed at a store that was not down. */
  failures: number
  isResting: boolean
}
