import { isAhead, timeAfter } from '../../../shared/stamp.js'
import type { Sub } from '../../../shared/sub.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import { FIRST_GENERATION } from '../names/generation.js'
import { subjectHash, type UserSubject } from '../names/subject.js'
import type { Ending } from './ending.js'

/** The epoch of a user who was never revoked. */
const FIRST = 0

interface Known {
  /** The newest epoch, in ms since 1970. */
  readonly epoch: number
  /** The newest epoch whose ending was acted on here. A cookie may have shown a later one, which ends nothing by itself. */
  readonly ended: number
  /** Its number among all ends that this process has seen. */
  readonly order: number
  readonly generation: number
}

const NOTHING: Known = { epoch: FIRST, ended: FIRST, order: 0, generation: FIRST_GENERATION }

/** The epoch and generation in which a cookie or ticket of a user was signed. */
export interface Signed {
  readonly epoch: number
  readonly generation: number
}

export interface UserEpochsOptions {
  /** ms for which cookies and tickets are valid: what was revoked earlier need not be remembered. */
  readonly maxAge: number
  readonly clock: () => number
}

/** The current epoch and generation of users, by the hash of the subject. Kept until cookies and tickets of that time have expired. */
export class UserEpochs {
  readonly #clock: () => number
  readonly #all: RotatingCache<Known>
  /** Whether any user was erased, as far as this process knows. */
  #hasErasures = false
  readonly #onEnd: (sub: Sub) => void

  /** @param onEnd called with each user whose epoch was begun, heard of or learned */
  constructor({ maxAge, clock }: UserEpochsOptions, onEnd: (sub: Sub) => void) {
    this.#onEnd = onEnd
    this.#clock = clock
    this.#all = RotatingCache.onMap({ max: Number.POSITIVE_INFINITY, maxIdle: maxAge, clock })
  }

  of(sub: Sub): number {
    return this.#known(sub).epoch
  }

  /** Returns the number of this user's last end among all that this process has seen; 0 if there was none. */
  order(sub: string): number {
    return this.#known(sub).order
  }

  /** Returns whether what was signed for a user then is still valid. */
  accepts(sub: Sub, { epoch, generation }: Signed): boolean {
    const known = this.#known(sub)
    return generation >= known.generation && (epoch === known.epoch || this.#isLater(epoch, known.epoch))
  }

  /** Learns the epoch of something valid that was signed for a user. */
  learn(sub: Sub, epoch: number): void {
    // This is not a revocation made now: what is under way was signed in that epoch, too, or will be found to be older.
    if (this.#isLater(epoch, this.of(sub))) this.#set(sub, { epoch })
  }

  /** Begins an epoch that is later than all known ones. */
  begin(user: UserSubject, order: number): Ending {
    const sub = subjectHash(user)
    const epoch = timeAfter(this.of(sub), this.#clock())
    this.#set(sub, { epoch, order, ended: epoch })
    return { epoch, heir: undefined }
  }

  /** Takes over an end that another process has made. Returns whether it is news. */
  take(user: UserSubject, { epoch }: Ending, order: number): boolean {
    const sub = subjectHash(user)
    const known = this.#known(sub)
    if (!this.#isLater(epoch, known.ended)) return false
    const newest = this.#isLater(epoch, known.epoch) ? epoch : known.epoch
    this.#set(sub, { epoch: newest, order: Math.max(order, known.order), ended: epoch })
    return true
  }

  /** Returns which generation of a user's values counts. Hashes nothing if no user was erased. */
  generation(user: UserSubject): number {
    return this.#hasErasures ? this.#known(subjectHash(user)).generation : FIRST_GENERATION
  }

  /** Begins a generation: what the user had until now no longer counts. */
  startGeneration(user: UserSubject, generation: number): void {
    this.#hasErasures = true
    this.#set(subjectHash(user), { generation })
  }

  #known(sub: string): Known {
    return this.#all.get(sub) ?? NOTHING
  }

  #set(sub: Sub, news: Partial<Known>): void {
    this.#all.set(sub, { ...this.#known(sub), ...news })
    this.#onEnd(sub)
  }

  /** An epoch in the future comes from a clock that ran ahead: any epoch but the first may have revoked it since. */
  #isLater(epoch: number, known: number): boolean {
    if (known === FIRST) return epoch > FIRST
    const now = this.#clock()
    const isKnownAhead = isAhead(known, now)
    if (isAhead(epoch, now) === isKnownAhead) return epoch > known
    return isKnownAhead && epoch > FIRST
  }
}
