// Decides whether a visitor, a cookie or a ticket is current, signed out, retired or revoked.

import { after } from '../../shared/promise.js'
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
import { epochRegister, generationRegister, type Revocation, type SubjectState, type Validity } from './validity.js'

/** The epoch of all guests. */
const ONLY_EPOCH = 0
const GUESTS: Signature = { epoch: ONLY_EPOCH, generation: FIRST_GENERATION }
/** The revision of an end loaded from the store: earlier than every request, so `isRetiredSince` ignores this end. */
const BEFORE = 0

/** Watches the ends that this process begins or learns of. */
export interface EndWatcher {
  /**
   * Called for each sign-out, retirement, revocation and erasure: the one place to log such events. May be called again for a name:
   * `revokeAgain` repeats a retirement or sign-out once its response has arrived, and a cookie's epoch may come before its register. An
   * erasure is told as `revoked` and as `erased`.
   *
   * @param name a retired browser subject or feature key, the hash of a revoked or erased user, or a `SignOutKey`
   * @param retirement of a retired name: after a sign-in, `rotatedTo` is the user's hash
   */
  ended?(this: void, name: string, cause: Exclude<Validity, 'current'> | 'erased', retirement?: Revocation): void
  /** Called when a user's values of all earlier generations have become invalid. */
  erased?(this: void, user: UserSubject): void
  /** Called after an end that another process has begun: the watcher closes the connections, because no other code here does. */
  endedElsewhere?(this: void, name: string): void
}

export interface EndsParts {
  readonly settings: Lifetimes
  readonly guestMemory: GuestMemory
  readonly remotes: Remotes
}

/** A signed cookie or ticket. A ticket names no browser. */
type Signed = Signature & { readonly user: Sub | undefined; readonly browserSubject?: BrowserSubject }

/** What the store or another process knows of a name's ends. */
type Learned = Pick<SubjectState, 'revocation' | 'generation'>

/** A visitor, and the visitor's own cookie, if any. */
interface Claim {
  readonly visitor: Pick<Visitor, 'browserSubject' | 'userSub'>
  readonly cookie: Signed | undefined
}

/**
 * Records revocations and retired browser ids. The cookies and tickets of a user carry the epoch in which they were signed; older epochs
 * are invalid. A browser id has a single epoch: once retired, it never becomes valid again.
 */
export class Ends {
  readonly #remotes: Remotes
  readonly #clock: () => number
  readonly #users: UserEpochs
  readonly #retired: RetiredNames
  /** The revision of each user's last sign-out. */
  readonly #signOuts: RotatingCache<number>
  readonly #watchers: EndWatcher[] = []
  /**
   * A logical clock of this process: grows with each revocation, erasure, retirement and sign-out, also with known ones from nodes, for
   * `validitySince`.
   */
  revision: number = BEFORE

  constructor({ settings, guestMemory, remotes }: EndsParts) {
    this.#remotes = remotes
    this.#clock = settings.clock
    this.#users = new UserEpochs(settings)
    this.#retired = new RetiredNames(settings, guestMemory)
    this.#signOuts = RotatingCache.onMap(usersOptions(settings))
  }

  watch(watcher: EndWatcher): void {
    this.#watchers.push(watcher)
  }

  /** Returns the epoch of a user, by the subject's hash. All guests have the same epoch. */
  of(sub: Sub | undefined): number {
    return sub === undefined ? ONLY_EPOCH : this.#users.of(sub)
  }

  /** Adopts the epoch of a valid cookie or ticket, so that older signatures become invalid. */
  adoptEpoch(sub: Sub, epoch: number): void {
    if (this.#users.adopt(sub, epoch)) this.#tell(sub, 'revoked')
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

  /**
   * Revokes a user's cookies, tickets and sessions in all processes.
   *
   * @param spared resolves when the store has the session that goes on
   */
  revoke(user: UserSubject, epoch: number = this.nextEpoch(user), spared?: Promise<unknown>): void {
    this.#announce(user, epochRegister(this.#users.startEpoch(user, this.#next(), epoch)), spared)
    this.#tell(subjectHash(user), 'revoked')
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
    this.#remotes.store?.clear(user, revocationRegisters, former)
    this.#remotes.nodes?.broadcast(user, revocationRegisters)
    this.#tell(subjectHash(user), 'revoked')
    this.#tellErased(user)
  }

  /**
   * Records an erasure by another process if `generation` is newer than the known generation, and discards the pending writes of the former
   * generation. Returns false if it is older.
   */
  startGeneration(subject: Subject | FeatureKey, generation: number): boolean {
    const former = this.generation(subject)
    if (generation > former && isUser(subject)) {
      this.#users.startGeneration(subject, generation)
      this.#remotes.store?.discard(subject, this.revocationsOf(subject), former)
      this.#tellErased(subject)
    }
    return generation >= former
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
    if (isEmpty && !isUsers) store?.clearGuest(name, revocationRegisters)
    else store?.clear(name, revocationRegisters)
    nodes?.broadcast(name, revocationRegisters)
  }

  /**
   * Retires a name under which nothing is stored, unless it is retired already.
   *
   * @param spared resolves when the store has the session that goes on
   */
  retireEmpty(name: BrowserSubject, isUsers: boolean, spared?: Promise<unknown>): void {
    if (!this.isRetired(name)) this.#announce(name, epochRegister(this.#retire(name, undefined, isUsers)), spared)
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

  /** Applies the end of a name, and a user's generation, as the store or another process knows them. */
  learn(name: string, { revocation, generation }: Learned, from: 'store' | 'node'): void {
    const isNew = revocation !== undefined && this.#apply(name, revocation, from)
    if (isUser(name)) this.startGeneration(name, generation)
    if (isNew) for (const { endedElsewhere } of this.#watchers) endedElsewhere?.(name)
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

  /** Returns a visitor's validity: of the cookie or, without a cookie, by the ends since `revision` was `since`. */
  validitySince({ visitor: { browserSubject, userSub }, cookie }: Claim, since: number): Validity {
    if (cookie) return this.validityOf(cookie)
    if (this.isRetired(browserSubject)) return 'retired'
    return userSub === undefined ? 'current' : this.validityOfUser(userSub, since)
  }

  /** Returns the validity of a user without a cookie, by the ends since `revision` was `since`: a sign-out in any browser counts. */
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
    this.#tell(name, 'retired', revocation)
    return revocation
  }

  #recordSignOut(key: SignOutKey): void {
    this.#signOuts.set(key, this.#next())
    this.#tell(key, 'signed-out')
  }

  /** Returns whether connections may have to close: false for a user's known revocation, and for a known end loaded from the store. */
  #apply(name: string, revocation: Revocation, from: 'store' | 'node'): boolean {
    const isSeen = from === 'store'
    if (isUser(name)) {
      const isNew = this.#users.apply(name, revocation, isSeen ? BEFORE : this.#next())
      if (isNew) this.#tell(subjectHash(name), 'revoked')
      return isNew
    }
    const known = this.#retired.get(name)
    if (isSeen && known && known.epoch >= revocation.epoch) return false
    if (isSignOut(name)) this.#recordSignOut(name)
    else this.#set(name, revocation, isSeen ? (known?.revision ?? BEFORE) : this.#next())
    return true
  }

  /** Stores and broadcasts an end, but after the session that goes on: a process that learns of the end must be able to load the session. */
  #announce(name: Subject, register: LwwRegister, spared?: Promise<unknown>): void {
    const { nodes, store } = this.#remotes
    const stored = spared && store ? store.persistAfter(spared, name, [register]) : store?.persist(name, [register])
    void after(stored, () => nodes?.broadcast(name, [register]))
  }

  readonly #tell: NonNullable<EndWatcher['ended']> = (...end) => {
    for (const { ended } of this.#watchers) ended?.(...end)
  }

  #tellErased(user: UserSubject): void {
    this.#tell(subjectHash(user), 'erased')
    for (const { erased } of this.#watchers) erased?.(user)
  }

  #retire(name: string, rotatedTo: string | undefined, isUsers: boolean): Revocation {
    const { epoch: last, isUsers: wasUsers } = this.#retired.get(name) ?? { epoch: ONLY_EPOCH }
    const epoch = timeAfter(last, this.#clock())
    return this.#set(name, { epoch, rotatedTo, isUsers: isUsers || wasUsers === true }, this.#next())
  }

  #next(): number {
    this.revision += 1
    return this.revision
  }
}
