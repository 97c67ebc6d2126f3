import type { StoredRegister } from '../../../shared/register.js'
import { timeAfter } from '../../../shared/stamp.js'
import type { Sub } from '../../../shared/sub.js'
import type { GuestBytes } from '../memory/guest-bytes.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import { FIRST_GENERATION } from '../names/generation.js'
import {
  type BrowserSubject,
  cookieless,
  isCookieless,
  isUser,
  type PartName,
  type Subject,
  subjectHash,
  type UserSubject,
} from '../names/subject.js'
import type { Visitor } from '../names/visitor.js'
import type { Remote } from './beyond.js'
import { type Ending, generationRegister, toRegister } from './ending.js'
import { type Signed, UserEpochs, type UserEpochsOptions } from './user-epochs.js'

/** The epoch of a guest. */
const ONLY_EPOCH = 0
/** The order of an end that happened before this process knew: requests that are already waiting must survive it. */
const BEFORE = 0

/** Names of users that are remembered, however many logouts there are: some 150 MB at worst, with short user ids. */
const LEAST = 1_000_000
/** Approximate bytes of a name, with its place in memory. */
const NAME = 200

/** The part of a cookie that says whose it is. */
export interface SignedName extends Signed {
  readonly browserSubject: BrowserSubject
  readonly user: Sub | undefined
}

/** A visitor, and the visitor's own cookie, if there is one. */
interface Shown {
  readonly visitor: Visitor
  readonly cookie: SignedName | undefined
}

/**
 * The record of who was revoked, and when. Cookies and tickets of a user carry the epoch they were signed in, and those of an older one are
 * worthless. A browser id has only one epoch: it is given up for good.
 */
export class Epochs {
  readonly #clock: () => number
  readonly #remote: Remote
  readonly #users: UserEpochs
  readonly #givenUp: GivenUpNames
  readonly #onEnd: (name: string) => void
  /** The number of revocations, sign-outs and sign-ins so far, from which `hasEndedSince` counts. */
  ends: number = BEFORE

  /** @param onEnd called with each name under which something has ended: a browser's, or a user's as a hash */
  constructor(options: GivenUpOptions, remote: Remote, onEnd: (name: string) => void) {
    this.#clock = options.clock
    this.#remote = remote
    this.#onEnd = onEnd
    this.#users = new UserEpochs(options, onEnd)
    this.#givenUp = new GivenUpNames(options)
  }

  /** Returns the epoch of a user, by the hash of the subject. Guests have only one. */
  of(sub: Sub | undefined): number {
    return sub === undefined ? ONLY_EPOCH : this.#users.of(sub)
  }

  /** Returns whether what was signed for a user is still valid. */
  accepts(sub: Sub, signed: Signed): boolean {
    return this.#users.accepts(sub, signed)
  }

  /** Learns the epoch of something valid that was signed for a user: what was signed earlier no longer counts. */
  learnEpoch(sub: Sub, epoch: number): void {
    this.#users.learn(sub, epoch)
  }

  /** Returns the epoch and generation that a cookie of this visitor carries. */
  signed(user: UserSubject | undefined, sub: Sub | undefined = user && subjectHash(user)): Signed {
    return { epoch: this.of(sub), generation: user === undefined ? FIRST_GENERATION : this.generation(user) }
  }

  /** Returns which generation of a subject's values counts; of a part's there is only one. */
  generation(subject: Subject | PartName): number {
    return isUser(subject) ? this.#users.generation(subject) : FIRST_GENERATION
  }

  /** Revokes what was signed for a user until now: it becomes worthless everywhere. */
  revoke(user: UserSubject): void {
    const register = toRegister(this.#users.begin(user, this.#next()))
    this.#remote.store?.keep(user, [register])
    this.#remote.peers?.tell(user, [register])
  }

  /** Revokes a user, and discards all values everywhere: their generation has ended. */
  erase(user: UserSubject): void {
    const former = this.generation(user)
    const generation = timeAfter(former, this.#clock())
    const ends = [toRegister(this.#users.begin(user, this.#next())), generationRegister(generation)]
    this.#users.startGeneration(user, generation)
    this.#remote.store?.erase(user, ends, former)
    this.#remote.peers?.tell(user, ends)
  }

  /** Records that another process has erased what a user had before that generation. */
  startGeneration(user: UserSubject, generation: number): void {
    const former = this.generation(user)
    this.#users.startGeneration(user, generation)
    this.#remote.store?.abandon(user, this.endsOf(user), former)
  }

  /** Returns what is known to have ended for a user, as registers. */
  endsOf(user: UserSubject): readonly StoredRegister[] {
    const { epoch, generation } = this.signed(user)
    return [
      ...(epoch === ONLY_EPOCH ? [] : [toRegister({ epoch, heir: undefined })]),
      ...(generation === FIRST_GENERATION ? [] : [generationRegister(generation)]),
    ]
  }

  /**
   * Gives up for good a browser id, or what a part keeps under a name.
   *
   * @param isEmpty whether it is a guest's whose cookie has no values: one that had nothing stored either leaves nothing in a store
   */
  giveUp(
    name: BrowserSubject | PartName,
    heir: UserSubject | undefined,
    isUsers: boolean = heir !== undefined,
    isEmpty: boolean = false,
  ): void {
    const { peers, store } = this.#remote
    const left = [toRegister(this.#giveUp(name, heir, isUsers))]
    if (isEmpty && !isUsers) store?.eraseGuest(name, left)
    else store?.erase(name, left)
    peers?.tell(name, left)
  }

  /** Records that a user has signed out in a browser: nothing tells which connections without a live cookie belong to it. */
  signOut(user: Sub): void {
    this.endAgain(cookieless(user))
  }

  /** Ends what has come under a name that was given up before, at every node. */
  endAgain(name: string): void {
    const { heir, isUsers = false } = this.#givenUp.get(name) ?? {}
    this.#remote.peers?.tell(name, [toRegister(this.#giveUp(name, heir, isUsers))])
  }

  /** Takes over an end that the store has. Returns whether it is news. */
  learn(subject: Subject, ending: Ending): boolean {
    const known = isUser(subject) ? undefined : this.#givenUp.get(subject)
    if (known && known.epoch >= ending.epoch) return false
    return this.#take(subject, ending, known?.order ?? BEFORE)
  }

  /**
   * Takes over an end that another process makes now. Returns whether it is news: the connections that a user has opened without a cookie
   * end each time.
   */
  hear(name: string, ending: Ending): boolean {
    return this.#take(name, ending, this.#next())
  }

  isGivenUp(name: BrowserSubject | PartName): boolean {
    return this.#givenUp.get(name) !== undefined
  }

  /** Returns when a browser id was given up, and to whom. */
  givenUp(browser: BrowserSubject): GivenUp | undefined {
    return this.#givenUp.get(browser)
  }

  /** Returns whether a cookie is still valid: its browser id was not given up, and its user was not revoked. */
  isCurrent(cookie: SignedName): boolean {
    const { user, browserSubject } = cookie
    return !this.isGivenUp(browserSubject) && (user === undefined || this.accepts(user, cookie))
  }

  /** Returns whether a user was revoked, or a name given up, after the first `ends` ends. */
  hasEndedSince(name: string, ends: number): boolean {
    const order = this.#givenUp.get(name)?.order ?? this.#users.order(name)
    return order > ends
  }

  /** Returns whether a visitor has gone after the first `ends` ends: by the cookie, if there is one. */
  hasEnded({ visitor, cookie }: Shown, ends: number): boolean {
    if (cookie) return !this.isCurrent(cookie)
    const { browserSubject, userSub } = visitor
    return this.isGivenUp(browserSubject) || (userSub !== undefined && this.hasLeftSince(userSub, ends))
  }

  /** Returns whether a user, by the hash of the subject, has signed out in any browser, or was revoked, after the first `ends` ends. */
  hasLeftSince(sub: Sub, ends: number): boolean {
    return this.hasEndedSince(sub, ends) || this.hasEndedSince(cookieless(sub), ends)
  }

  #set(name: string, ending: Ending, order: number): Ending {
    this.#givenUp.set(name, ending, order)
    this.#onEnd(name)
    return ending
  }

  #take(name: string, ending: Ending, order: number): boolean {
    if (isUser(name)) return this.#users.take(name, ending, order)
    this.#set(name, ending, order)
    return true
  }

  #giveUp(name: string, heir: UserSubject | undefined, isUsers: boolean): Ending {
    const { epoch: last } = this.#givenUp.get(name) ?? { epoch: ONLY_EPOCH }
    return this.#set(name, { epoch: timeAfter(last, this.#clock()), heir, isUsers }, this.#next())
  }

  #next(): number {
    this.ends += 1
    return this.ends
  }
}

export interface GivenUp extends Ending {
  /** Its number among all ends that this process has seen. */
  readonly order: number
}

interface GivenUpOptions extends UserEpochsOptions {
  readonly maxSubjects: number
  readonly guestBytes: GuestBytes
}

/**
 * Browser ids, and other names of connections and sessions, that are no longer valid. Kept until cookies and tickets of that time have
 * expired, and bounded: sign-ins and logouts add to it. Those of guests make room like all else that guests leave, and never for those of
 * users.
 */
class GivenUpNames {
  readonly #users: RotatingCache<GivenUp>
  readonly #guests: RotatingCache<GivenUp>

  constructor({ maxAge, maxSubjects, guestBytes: bytes, clock }: GivenUpOptions) {
    this.#users = RotatingCache.onMap({ max: Math.max(LEAST, 10 * maxSubjects), maxIdle: maxAge, clock })
    this.#guests = RotatingCache.onMap({ shared: { bytes, weigh: () => NAME }, maxIdle: maxAge, clock })
  }

  get(name: string): GivenUp | undefined {
    return this.#users.get(name) ?? this.#guests.get(name)
  }

  set(name: string, { epoch, heir, isUsers }: Ending, order: number): void {
    const last = this.get(name)
    const isKept = isUsers || isCookieless(name) || last?.isUsers === true
    if (isKept) this.#guests.delete(name)
    const names = isKept ? this.#users : this.#guests
    // The clocks of processes differ: an end is never told of as earlier than it was.
    names.set(name, { epoch: Math.max(epoch, last?.epoch ?? epoch), heir, isUsers: isKept, order })
  }
}
