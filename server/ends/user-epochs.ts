// Decides whether a user's cookies and tickets are current, by epoch and generation.

import { isAhead } from '../../shared/stamp.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import { FIRST_GENERATION } from '../subjects/store-key.js'
import { type Sub, subjectHash, type UserSubject } from '../subjects/subject.js'
import type { Revocation } from './validity.js'

/** The epoch of a user who was never revoked. */
const FIRST = 0

interface UserRecord {
  /** The newest known epoch, in ms since 1970. */
  readonly epoch: number
  /**
   * The newest epoch whose revocation register was applied here. A cookie of a later epoch may arrive before the revocation register of
   * that epoch.
   */
  readonly appliedEpoch: number
  /** The revision of the user's last revocation in this process. */
  readonly revision: number
  readonly generation: number
}

const NO_RECORD: UserRecord = { epoch: FIRST, appliedEpoch: FIRST, revision: 0, generation: FIRST_GENERATION }

/** The user's epoch and generation at the signing of a cookie or ticket. */
export interface Signature {
  readonly epoch: number
  readonly generation: number
}

export interface UserEpochsOptions {
  /** ms for which cookies and tickets are valid; after that, a revocation can be forgotten. */
  readonly maxAge: number
  readonly clock: () => number
}

/**
 * The current epochs and generations of users, by the subject's hash. Keeps each record until the cookies and tickets of earlier epochs
 * have expired.
 */
export class UserEpochs {
  readonly #clock: () => number
  readonly #records: RotatingCache<UserRecord>
  /** Whether this process knows of any erasure. */
  hasErasures = false

  constructor({ maxAge, clock }: UserEpochsOptions) {
    this.#clock = clock
    this.#records = RotatingCache.onMap({ max: Number.POSITIVE_INFINITY, maxIdle: maxAge, clock })
  }

  of(sub: Sub): number {
    return this.#recordOf(sub).epoch
  }

  /** Returns the revision of this user's last revocation in this process; 0: none. */
  revision(sub: string): number {
    return this.#recordOf(sub).revision
  }

  /** Returns whether a signature from this epoch and generation is still valid. */
  accepts(sub: Sub, { epoch, generation }: Signature): boolean {
    const record = this.#recordOf(sub)
    return generation >= record.generation && (epoch === record.epoch || this.#isLater(epoch, record.epoch))
  }

  /** Adopts the epoch of a valid cookie or ticket. Returns whether the epoch is new. */
  adopt(sub: Sub, epoch: number): boolean {
    const isNew = this.#isLater(epoch, this.of(sub))
    // Keep `appliedEpoch` and `revision`: the revocation register must still apply when it arrives. Until then, visitors without a cookie
    // continue.
    if (isNew) this.#set(sub, { epoch })
    return isNew
  }

  /** @param epoch later than all known epochs of the user */
  startEpoch(user: UserSubject, revision: number, epoch: number): Revocation {
    this.#set(subjectHash(user), { epoch, revision, appliedEpoch: epoch })
    return { epoch, rotatedTo: undefined }
  }

  /** Applies a revocation by another process. Returns whether the revocation is new. */
  apply(user: UserSubject, { epoch }: Revocation, revision: number): boolean {
    const sub = subjectHash(user)
    const record = this.#recordOf(sub)
    if (!this.#isLater(epoch, record.appliedEpoch)) return false
    const newest = this.#isLater(epoch, record.epoch) ? epoch : record.epoch
    this.#set(sub, { epoch: newest, revision: Math.max(revision, record.revision), appliedEpoch: epoch })
    return true
  }

  /** Returns the current generation of a user's values. */
  generation(user: UserSubject): number {
    return this.#recordOf(subjectHash(user)).generation
  }

  /** Starts a generation, which invalidates older values and signatures. */
  startGeneration(user: UserSubject, generation: number): void {
    this.hasErasures = true
    this.#set(subjectHash(user), { generation })
  }

  #recordOf(sub: string): UserRecord {
    return this.#records.get(sub) ?? NO_RECORD
  }

  #set(sub: Sub, changes: Partial<UserRecord>): void {
    this.#records.set(sub, { ...this.#recordOf(sub), ...changes })
  }

  /** Epochs in the future come from fast clocks, and rank below past epochs except `FIRST`: a past epoch may be the newer revocation. */
  #isLater(epoch: number, known: number): boolean {
    if (known === FIRST) return epoch > FIRST
    const now = this.#clock()
    const isKnownAhead = isAhead(known, now)
    if (isAhead(epoch, now) === isKnownAhead) return epoch > known
    return isKnownAhead && epoch > FIRST
  }
}
