import { believed, isAhead, timeAfter } from '../../../shared/stamp.js'
import type { Sub } from '../../../shared/sub.js'
import { Generations } from '../memory/generations.js'
import { type Ending, NOTHING_ERASED } from './ending.js'
import { type Subject, subjectHash, type UserSubject } from './subject.js'

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

export interface UserEpochsOptions {
  /** ms that cookies and tickets are good for: what was revoked before that needs no remembering. */
  readonly maxAge: number
  readonly clock: () => number
}

/** In which epoch each user is, by the hash of the subject; and until when what they had was erased. Never evicted. */
export class UserEpochs {
  readonly #clock: () => number
  readonly #all: Generations<Known>
  readonly #erased: Generations<number>
  /** How many epochs were begun, heard of or learnt. */
  changes = 0

  constructor({ maxAge, clock }: UserEpochsOptions) {
    this.#clock = clock
    const options = { max: Number.POSITIVE_INFINITY, maxIdle: maxAge, clock }
    this.#all = Generations.onMap(options)
    this.#erased = Generations.onMap(options)
  }

  of(sub: Sub): number {
    return this.#all.get(sub)?.epoch ?? FIRST
  }

  /** Which end of all that this process has seen was this user's last; 0 where none was. */
  order(sub: string): number {
    return this.#all.get(sub)?.order ?? 0
  }

  /** Whether what was signed for a user in that epoch is still good. A newer epoch than the known one is learnt. */
  accepts(sub: Sub, epoch: number): boolean {
    const known = this.#all.get(sub)
    if (known !== undefined && !this.#isLater(epoch, known.epoch)) return epoch === known.epoch
    // No revocation of now: what is under way was signed in that epoch, too, or will be found to be older.
    if (epoch > FIRST) this.#set(sub, { epoch, order: known?.order ?? 0, ended: known?.ended ?? FIRST })
    return true
  }

  /** Begins an epoch that is later than all known ones, and than `last`. */
  begin(user: UserSubject, order: number, last: number = FIRST): Ending {
    const sub = subjectHash(user)
    const known = this.of(sub)
    // After the largest number there is none: any ordinary epoch is later than that one.
    const before = Math.max(last, known < Number.MAX_SAFE_INTEGER ? known : FIRST)
    const epoch = timeAfter(before, this.#clock())
    this.#set(sub, { epoch, order, ended: epoch })
    return { epoch, erased: this.erasedUntil(user), heir: undefined }
  }

  /** Takes over an end that another process has made. Returns the stamp up to which it erases; undefined if this end is known. */
  take(user: UserSubject, { epoch, erased }: Ending, order: number): number | undefined {
    const sub = subjectHash(user)
    const known = this.#all.get(sub)
    if (known && known.ended !== FIRST && !this.#isLater(epoch, known.ended)) return undefined
    const newest = known && !this.#isLater(epoch, known.epoch) ? known.epoch : epoch
    this.#set(sub, { epoch: newest, order: Math.max(order, known?.order ?? 0), ended: epoch })
    const until = believed(erased, this.#clock())
    if (until > this.erasedUntil(user)) this.#erased.set(user, until)
    return until
  }

  /**
   * Begins an epoch with nothing of before.
   *
   * @param newest stamp of the newest write, which may come from a clock that is ahead of this one
   */
  erase(user: UserSubject, order: number, newest: number): Ending {
    const last = believed(newest, this.#clock())
    // Never sooner than before: other nodes would take for erased what is written here from now on.
    this.#erased.set(user, timeAfter(Math.max(last, this.erasedUntil(user)), this.#clock()))
    return this.begin(user, order, last)
  }

  /** Until when all that a subject had is gone: what is still on its way somewhere is worth nothing. */
  erasedUntil(subject: Subject): number {
    return (this.#erased.size > 0 && this.#erased.get(subject)) || NOTHING_ERASED
  }

  #set(sub: Sub, known: Known): void {
    this.#all.set(sub, known)
    this.changes += 1
  }

  /** One from the future is of a clock that ran ahead: it may have been revoked since, by any other than the first epoch. */
  #isLater(epoch: number, known: number): boolean {
    const now = this.#clock()
    const isKnownAhead = isAhead(known, now)
    if (isAhead(epoch, now) === isKnownAhead) return epoch > known
    return isKnownAhead && epoch > FIRST
  }
}
