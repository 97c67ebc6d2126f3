import { LiveSessionError } from '../../../shared/errors.js'
import { isKey } from '../../../shared/fields.js'
import { EPOCH_KEY, GENERATION_KEY, type StoredRegister } from '../../../shared/register.js'
import { toStamp } from '../../../shared/stamp.js'
import { FIRST_GENERATION } from '../names/generation.js'
import { isUser, type UserSubject } from '../names/subject.js'

/** An end: a user was revoked, or a browser id was given up. */
export interface Ending {
  /** ms since 1970 */
  readonly epoch: number
  /** The user who signed in when a browser id was given up. */
  readonly heir: UserSubject | undefined
  /** Whether it was a user's, or became one's: those of guests alone have to make room. Implied by an heir. */
  readonly isUsers?: boolean
}

/** The state of a subject in one place: its values, and what has ended. */
export interface SubjectState {
  readonly registers: readonly StoredRegister[]
  readonly ending: Ending | undefined
  readonly generation: number
}

/** Splits registers into the values and what has ended. Keys that no field can have are left out. */
export function stateOf(all: readonly StoredRegister[]): SubjectState {
  const epoch = all.find(({ key }) => key === EPOCH_KEY)
  return {
    registers: all.filter(({ key }) => isKey(key)),
    ending: epoch && toEnding(epoch),
    generation: all.find(({ key }) => key === GENERATION_KEY)?.stamp ?? FIRST_GENERATION,
  }
}

export function toRegister({ epoch, heir, isUsers }: Ending): StoredRegister {
  return { key: EPOCH_KEY, stamp: toStamp(epoch), ...(heir || isUsers ? { value: heir ?? true } : {}) }
}

export function generationRegister(generation: number): StoredRegister {
  return { key: GENERATION_KEY, stamp: toStamp(generation) }
}

export function toEnding({ stamp, value }: StoredRegister): Ending {
  const heir = typeof value === 'string' && isUser(value) ? value : undefined
  return { epoch: stamp, heir, isUsers: value !== undefined }
}

/**
 * Returns the refusal of a change under a browser id that was given up meanwhile: the id may have been planted, and cannot be told from an
 * honest one. Nothing set under it may reach the next visitor.
 */
export function superseded(): LiveSessionError {
  return new LiveSessionError('superseded', 'the visitor has left this browser meanwhile')
}
