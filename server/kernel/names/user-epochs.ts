import { isAhead, timeAfter } from '../../../shared/stamp.js'
import type { Sub } from '../../../shared/sub.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import type { Ending } from './ending.js'
import { FIRST_GENERATION } from './generation.js'
import { subjectHash, type UserSubject } from './subject.js'

/** The epoch of a user who was never revoked. */
const FIRST = 0

interface Known {
  /** The newest: ms since 1970. */
  readonly epoch: number
  /** The newest whose end has been acted on here. A cookie may have told of a later one, which ends nothing by itself. */
  readonly ended: number
  /** Which end it was of all that this process has seen. */
  readonly order: number
}

/** What cookies and tickets of a user say of when they were signed. */
export interface Signed {
  readonly epoch: number
  readonly generation: number
}

export interface UserEpochsOptions {
  /** ms that cookies and tickets are good for: what was revoked before that needs no remembering. */
  readonly maxAge: number
  readonly clock: () => number
}

/** In which epoch each user is, and which generation of their values counts, by the hash of the subject. Never evicted before cookies and tickets of that time have expired. */
export class UserEpochs {
  readonly #clock: () => number
  readonly #all: RotatingCache<Known>
  readonly #generations: RotatingCache<number>
  readonly #onEnd: (sub: Sub) => void

  /** @param onEnd told of each whose epoch was begun, heard of or learnt */
  constructor({ maxAge, clock }: UserEpochsOptions, onEnd: (sub: Sub) => void) {
    this.#onEnd = onEnd
    this.#clock = clock
    const options = { max: Number.POSITIVE_INFINITY, maxIdle: maxAge, clock }
    this.#all = RotatingCache.onMap(options)
    this.#generations = RotatingCache.onMap(options)
  }

  of(sub: Sub): number {
    return this.#all.get(sub)?.epoch ?? FIRST
  }

  /** Which end of all that this process has seen was this user's last; 0 where none was. */
  order(sub: string): number {
    return this.#all.get(sub)?.order ?? 0
  }

  /** Whether what was signed for a user in that epoch, and of that generation, is still good. A newer epoch than the known one is learnt. */
  accepts(sub: Sub, { epoch, generation }: Signed): boolean {
    return generation >= this.#generation(sub) && this.#accepts(sub, epoch)
  }

  #accepts(sub: Sub, epoch: number): boolean {
    const known = this.#all.get(sub)
    if (known !== undefined && !this.#isLater(epoch, known.epoch)) return epoch === known.epoch
    // No revocation of now: what is under way was signed in that epoch, too, or will be found to be older.
    if (epoch > FIRST) this.#set(sub, { epoch, order: known?.order ?? 0, ended: known?.ended ?? FIRST })
    return true
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
    const known = this.#all.get(sub)
    if (known && known.ended !== FIRST && !this.#isLater(epoch, known.ended)) return false
    const newest = known && !this.#isLater(epoch, known.epoch) ? known.epoch : epoch
    this.#set(sub, { epoch: newest, order: Math.max(order, known?.order ?? 0), ended: epoch })
    return true
  }

  /** Which generation of a user's values counts. Where no user was erased, nothing is hashed. */
  generation(user: UserSubject): number {
    return this.#generations.size === 0 ? FIRST_GENERATION : this.#generation(subjectHash(user))
  }

  /** What the user had until now is of the past. */
  startGeneration(user: UserSubject, generation: number): void {
    const sub = subjectHash(user)
    this.#generations.set(sub, generation)
    this.#onEnd(sub)
  }

  #generation(sub: Sub): number {
    return this.#generations.get(sub) ?? FIRST_GENERATION
  }

  #set(sub: Sub, known: Known): void {
    this.#all.set(sub, known)
    this.#onEnd(sub)
  }

  /** One from the future is of a clock that ran ahead: it may have been revoked since, by any other than the first epoch. */
  #isLater(epoch: number, known: number): boolean {
    const now = this.#clock()
    const isKnownAhead = isAhead(known, now)
    if (isAhead(epoch, now) === isKnownAhead) return epoch > known
    return isKnownAhead && epoch > FIRST
  }
}
