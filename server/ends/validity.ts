// The validity of visitors and signatures, and the registers of revocations, retirements and erasures.

import { LiveSessionError } from '../../shared/errors.js'
import { isKey } from '../../shared/fields.js'
import { EPOCH_KEY, GENERATION_KEY, type LwwRegister } from '../../shared/register.js'
import { toStamp } from '../../shared/stamp.js'
import { FIRST_GENERATION } from '../subjects/store-key.js'

/** The content of a register `$epoch`: the revocation of a user, or the retirement of a browser id or another name. */
export interface Revocation {
  /** ms since 1970 */
  readonly epoch: number
  /** Of a browser id, the hash of the user who signed in when it was retired; of a session, its login. */
  readonly rotatedTo: string | undefined
  /** Whether the id ever belonged to a user. If false, the register counts toward the memory bound of guests. */
  readonly isUsers?: boolean
}

/** A subject's registers, split into values, revocation and generation. */
export interface SubjectState {
  readonly registers: readonly LwwRegister[]
  readonly revocation: Revocation | undefined
  readonly generation: number
}

/** Separates values from revocation registers, and drops keys that no field can have. */
export function stateOf(registers: readonly LwwRegister[]): SubjectState {
  const epoch = registers.find(({ key }) => key === EPOCH_KEY)
  return {
    registers: registers.filter(({ key }) => isKey(key)),
    revocation: epoch && toRevocation(epoch),
    generation: registers.find(({ key }) => key === GENERATION_KEY)?.stamp ?? FIRST_GENERATION,
  }
}

export function epochRegister({ epoch, rotatedTo, isUsers }: Revocation): LwwRegister {
  const value = isUsers === false ? rotatedTo && [rotatedTo] : (rotatedTo ?? (isUsers || undefined))
  return { key: EPOCH_KEY, stamp: toStamp(epoch), ...(value === undefined ? {} : { value }) }
}

export function generationRegister(generation: number): LwwRegister {
  return { key: GENERATION_KEY, stamp: toStamp(generation) }
}

function toRevocation({ stamp, value }: LwwRegister): Revocation {
  const [rotatedTo]: readonly unknown[] = Array.isArray(value) ? value : [value]
  const isUsers = value !== undefined && !Array.isArray(value)
  return { epoch: stamp, rotatedTo: typeof rotatedTo === 'string' ? rotatedTo : undefined, isUsers }
}

/**
 * Returns the error for a change whose visitor has left, signed in or been revoked. An attacker may have planted a retired browser id
 * (session fixation), so values set under it must not reach the next visitor.
 */
export function visitorLeft(remedy = ''): LiveSessionError {
  return new LiveSessionError('superseded', `the visitor has left this browser meanwhile${remedy}`)
}

/**
 * The validity of a signed cookie or ticket, or of a visitor since a request or connection began.
 *
 * | | may write values | may write the cookie |
 * |---|---|---|
 * | `current` | yes | yes |
 * | `signed-out` | yes | no |
 * | `retired`, `revoked` | no | no |
 */
export type Validity =
  | 'current'
  /** The user has signed out in some browser. For a visitor without a cookie, it may have been this browser. */
  | 'signed-out'
  /** The browser id is retired. */
  | 'retired'
  /** The user was revoked: earlier signatures are invalid. */
  | 'revoked'
