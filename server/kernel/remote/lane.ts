import type { StoredRegister } from '../../../shared/register.js'
import type { GuestBytes } from '../memory/guest-bytes.js'
import type { Batch } from './batch.js'
import type { StoredName } from './name.js'

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
