// Decides whether a visitor, a cookie or a ticket is current, signed out, retired or revoked.

import type { LwwRegister } from '../../shared/register.js'
import { timeAfter } from '../../shared/stamp.js'
import type { GuestMemory } from '../memory/guest-memory.js'
import type { Remotes } from '../memory/remotes.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import { type FeatureKey, FIRST_GENERATION } from '../subjects/store-key.js'
import {
  type BrowserSubject,
  isSignOut,
  isUser,
  type SignOutKey,
  type Sub,
  type Subject,
  signOutKey,
  subjectHash,
  type UserSubject,
} from '../subjects/subject.js'
import type { Visitor } from '../subjects/visitor.js'
import { type Lifetimes, type RetiredName, RetiredNames, usersOptions } from './retired-names.js'
import { type Signature, UserEpochs } from './user-epochs.js'
import { epochRegister, generationRegister, type Revocation, type Validity } from './validity.js'

/** The epoch of all guests. */
const ONLY_EPOCH = 0
const GUESTS: Signature = { epoch: ONLY_EPOCH, generation: FIRST_GENERATION }
/** The revision of a revocation from the store: counts as before every request, so `isRetiredSince` ignores the revocation. */
const BEFORE = 0

/**
 * Called for each sign-out, retirement, revocation and erasure that this process learns of: the one place to log such events. May name a
 * name again: `revokeAgain` repeats a retirement or sign-out once its response has arrived.
 *
 * @param name a retired browser subject or feature key, the hash of a revoked or erased user, or a `SignOutKey`
 * @param retirement of a retired name: after a sign-in, `rotatedTo` is the user's hash
 */
export type OnRevoked = (name: string, cause: Exclude<Validity, 'current'> | 'erased', retirement?: Revocation) => void

export interface RevocationParts {
  readonly settings: Lifetimes
  readonly guestMemory: GuestMemory
  readonly remotes: Remotes
}

/** A signed cookie or ticket. A ticket names no browser. */
type Signed = Signature & { readonly user: Sub | undefined; readonly browserSubject?: BrowserSubject }

/** A visitor, and the visitor's own cookie, if any. */
interface Claim {
  readonly visitor: Pick<Visitor, 'browserSubject' | 'userSub'>
  readonly cookie: Signed | undefined
}

/**
 * Records revocations and retired browser ids. The cookies and tickets of a user carry the epoch of their signature; older epochs are
 * invalid. A browser id has a single epoch: once retired, it never becomes valid again.
 */
export class Revocations {
  readonly #remotes: Remotes
  readonly #clock: () => number
  readonly #users: UserEpochs
  readonly #retired: RetiredNames
  /** The revision of each user's last sign-out. */
  readonly #signOuts: RotatingCache<number>
  readonly #onRevoked: OnRevoked
  /** A logical clock of this process: grows with each revocation, sign-out and sign-in, for `validitySince`. */
  revision: number = BEFORE

  constructor({ settings, guestMemory, remotes }: RevocationParts, onRevoked: OnRevoked) {
    this.#remotes = remotes
    this.#clock = settings.clock
    this.#onRevoked = onRevoked
    this.#users = new UserEpochs(settings, onRevoked)
    this.#retired = new RetiredNames(settings, guestMemory)
    this.#signOuts = RotatingCache.onMap(usersOptions(settings))
  }

  /** Returns the epoch of a user, by the subject's hash. All guests have the same epoch. */
  of(sub: Sub | undefined): number {
    return sub === undefined ? ONLY_EPOCH : this.#users.of(sub)
  }

  /** Adopts the epoch of a valid cookie or ticket, so that older signatures become invalid. */
  adoptEpoch(sub: Sub, epoch: number): void {
    this.#users.adopt(sub, epoch)
  }

  /** Returns the epoch and generation for this visitor's cookies and tickets. */
  signed(user: UserSubject | undefined, sub: Sub | undefined = user && subjectHash(user)): Signature {
    return user === undefined ? GUESTS : { epoch: this.of(sub), generation: this.generation(user) }
  }

  /** Returns the current generation of a subject's values; features always have the first. */
  generation(subject: Subject | FeatureKey): number {
    return this.#users.hasErasures && isUser(subject) ? this.#users.generation(subject) : FIRST_GENERATION
  }

  /** Returns whether a sign-in in this epoch still counts. */
  accepts(sub: Sub, epoch: number): boolean {
    return this.#users.accepts(sub, { epoch, generation: Infinity })
  }

  /** Returns the epoch that a revocation of the user begins now. */
  nextEpoch(user: UserSubject): number {
    return timeAfter(this.of(subjectHash(user)), this.#clock())
  }

  /** Revokes a user's cookies, tickets and sessions in all processes. */
  revoke(user: UserSubject, epoch: number = this.nextEpoch(user)): void {
    const register = epochRegister(this.#users.startEpoch(user, this.#next(), epoch))
    this.#remotes.store?.persist(user, [register])
    this.#remotes.nodes?.broadcast(user, [register])
  }

  /** Revokes a user, and deletes the values in all processes by starting a new generation. */
  erase(user: UserSubject): void {
    const former = this.generation(user)
    const generation = timeAfter(former, this.#clock())
    const revocationRegisters = [
      epochRegister(this.#users.startEpoch(user, this.#next(), this.nextEpoch(user))),
      generationRegister(generation),
    ]
    this.#users.startGeneration(user, generation)
    this.#remotes.store?.erase(user, revocationRegisters, former)
    this.#remotes.nodes?.broadcast(user, revocationRegisters)
  }

  /** Records an erasure by another process, and discards the pending writes of the former generation. */
  startGeneration(user: UserSubject, generation: number): void {
    const former = this.generation(user)
    this.#users.startGeneration(user, generation)
    this.#remotes.store?.discard(user, this.revocationsOf(user), former)
  }

  /** Returns a user's revocation registers: the epoch and the generation. */
  revocationsOf(user: UserSubject): readonly LwwRegister[] {
    const { epoch, generation } = this.signed(user)
    return [
      ...(epoch === ONLY_EPOCH ? [] : [epochRegister({ epoch, rotatedTo: undefined })]),
      ...(generation === FIRST_GENERATION ? [] : [generationRegister(generation)]),
    ]
  }

  /**
   * Retires a browser id, or a feature's name, for good.
   *
   * @param isEmpty whether the guest's cookie has no values. If the store has no values of the guest either, nothing is written to the
   * store
   */
  retire(
    name: BrowserSubject | FeatureKey,
    rotatedTo: string | undefined,
    isUsers: boolean = rotatedTo !== undefined,
    isEmpty: boolean = false,
  ): void {
    const { nodes, store } = this.#remotes
    const revocationRegisters = [epochRegister(this.#retire(name, rotatedTo, isUsers))]
    if (isEmpty && !isUsers) store?.eraseGuest(name, revocationRegisters)
    else store?.erase(name, revocationRegisters)
    nodes?.broadcast(name, revocationRegisters)
  }

  /** Retires a user's name under which nothing is stored. */
  retireEmpty(name: BrowserSubject): void {
    const register = epochRegister(this.#retire(name, undefined, true))
    this.#remotes.store?.persist(name, [register])
    this.#remotes.nodes?.broadcast(name, [register])
  }

  /** Records a user's sign-out, which counts for all of the user's connections without a live cookie, because their browser is unknown. */
  signOut(key: SignOutKey): void {
    this.#recordSignOut(key)
    this.#remotes.nodes?.broadcast(key, [epochRegister({ epoch: this.#clock(), rotatedTo: undefined })])
  }

  /**
   * Retires a browser id or records a sign-out again, in all processes, to close the connections opened since the first retirement or
   * sign-out.
   */
  revokeAgain(name: string): void {
    if (isSignOut(name)) {
      this.signOut(name)
      return
    }
    const { rotatedTo, isUsers = false } = this.#retired.get(name) ?? {}
    const register = epochRegister(this.#retire(name, rotatedTo, isUsers))
    this.#remotes.nodes?.broadcast(name, [register])
  }

  /** Applies a revocation register from the store. Returns whether the revocation is new. */
  applyFromStore(subject: Subject, revocation: Revocation): boolean {
    const known = isUser(subject) ? undefined : this.#retired.get(subject)
    if (known && known.epoch >= revocation.epoch) return false
    return this.#apply(subject, revocation, known?.revision ?? BEFORE)
  }

  /**
   * Applies a revocation register from another process. Returns whether the register may invalidate connections: false for a known
   * revocation of a user.
   */
  applyFromNode(name: string, revocation: Revocation): boolean {
    if (!isSignOut(name)) return this.#apply(name, revocation, this.#next())
    this.#recordSignOut(name)
    return true
  }

  isRetired(name: BrowserSubject | FeatureKey): boolean {
    return this.#retired.get(name) !== undefined
  }

  /** Returns when a name was retired, and to what it was rotated. */
  retired(name: BrowserSubject | FeatureKey): RetiredName | undefined {
    return this.#retired.get(name)
  }

  /** Returns the validity of a cookie, or of a user's ticket, which names no browser. */
  validityOf(signed: Signed): Validity {
    const { browserSubject, user } = signed
    if (browserSubject !== undefined && this.isRetired(browserSubject)) return 'retired'
    return user === undefined || this.#users.accepts(user, signed) ? 'current' : 'revoked'
  }

  /** Returns the validity of a visitor since `revision` was `since`. With a cookie, only the cookie's validity counts. */
  validitySince({ visitor: { browserSubject, userSub }, cookie }: Claim, since: number): Validity {
    if (cookie) return this.validityOf(cookie)
    if (this.isRetired(browserSubject)) return 'retired'
    return userSub === undefined ? 'current' : this.validityOfUser(userSub, since)
  }

  /** Returns the validity of a user without a cookie since `revision` was `since`: a sign-out in any browser counts. */
  validityOfUser(sub: Sub, since: number): Validity {
    if (this.#users.revision(sub) > since) return 'revoked'
    return (this.#signOuts.get(signOutKey(sub)) ?? BEFORE) > since ? 'signed-out' : 'current'
  }

  /** Returns whether a name was retired, for the first time or again, since `revision` was `since`. */
  isRetiredSince(name: string, since: number): boolean {
    return (this.#retired.get(name)?.revision ?? BEFORE) > since
  }

  #set(name: string, revocation: Revocation, revision: number): Revocation {
    this.#retired.set(name, revocation, revision)
    this.#onRevoked(name, 'retired', revocation)
    return revocation
  }

  #recordSignOut(key: SignOutKey): void {
    this.#signOuts.set(key, this.#next())
    this.#onRevoked(key, 'signed-out')
  }

  #apply(name: string, revocation: Revocation, revision: number): boolean {
    if (isUser(name)) return this.#users.apply(name, revocation, revision)
    this.#set(name, revocation, revision)
    return true
  }

  #retire(name: string, rotatedTo: string | undefined, isUsers: boolean): Revocation {
    const { epoch: last } = this.#retired.get(name) ?? { epoch: ONLY_EPOCH }
    return this.#set(name, { epoch: timeAfter(last, this.#clock()), rotatedTo, isUsers }, this.#next())
  }

  #next(): number {
    this.revision += 1
    return this.revision
  }
}
