import type { JsonValue } from '../../shared/json.js'
import type { Since } from './browser.js'
import { HIDDEN, LOGIN_RULE, OWN } from './builds.js'
import { Ends } from './ends.js'
import { type CookieState, isNewer, type Register, type Registers } from './registers.js'
import type { End, Told } from './told.js'

/** Who a visitor is to the server: hashes of subjects. */
export interface Identity {
  readonly user: string | undefined
  readonly browser: string
}

/** What cookies and tickets of a user say of when they were signed. */
export interface Signed {
  readonly epoch: number
  readonly generation?: number | undefined
}

/** What a cookie is to the visitor whom the app names. */
export type Relation = 'none' | 'own' | 'other' | 'revoked' | 'given-up'

/** Where a process finds itself. */
interface Circumstances {
  /** Whether its build has a field of that name. */
  isDeclared(this: void, key: string): boolean
  /** ms since 1970, by its clock */
  now(this: void): number
  /** Told of what an app's own rule adds to what an account has. */
  onJoin(this: void, user: string, value: JsonValue): void
}

/**
 * What one server process must know, told by what it has been sent and has acknowledged: for each subject the least that
 * every later read has to show. An under-estimate at most; never more than the protocol promises.
 */
export class Knowledge {
  readonly floors: Map<string, Map<string, Register>> = new Map()
  /** Browser ids that were given up. */
  readonly givenUp: Ends = new Ends()
  /** Users who have signed out somewhere, or were revoked. */
  readonly departed: Ends = new Ends()
  readonly revoked: Ends = new Ends()
  readonly #generations = new Map<string, number>()
  readonly #epochs = new Map<string, number>()
  /** Who came after the owner of a browser id, and when that last ended, in ms since 1970. */
  readonly #heirs = new Map<string, { readonly heir: string | undefined; readonly epoch: number }>()
  /** The newest end of each user that was acted on: a cookie may have told of a later one. */
  readonly #ended = new Map<string, number>()
  /** By subject and key, the newest stamp that it was ever told of. */
  readonly #newest = new Map<string, number>()
  /** By subject and key, what others have told of that this build does not declare. */
  readonly #hidden = new Map<string, Register>()
  readonly #isDeclared: (key: string) => boolean
  readonly #now: () => number
  readonly #onJoin: (user: string, value: JsonValue) => void

  constructor({ isDeclared, now, onJoin }: Circumstances) {
    this.#isDeclared = isDeclared
    this.#now = now
    this.#onJoin = onJoin
  }

  floor(sub: string | undefined, key: string): Register | undefined {
    return sub === undefined ? undefined : this.floors.get(sub)?.get(key)
  }

  learn(sub: string | undefined, key: string, register: Register): void {
    if (sub === undefined || !this.enter(sub, register.generation)) return
    this.#hear(sub, key, register)
    const hidden = this.#hidden.get(this.#name(sub, key))
    if (hidden && isNewer(hidden, register)) return
    const floors = this.floors.get(sub) ?? new Map<string, Register>()
    // What was looked at may be of a generation that has ended since.
    if (isNewer(register, floors.get(key))) floors.set(key, { ...register, generation: this.generation(sub) })
    this.floors.set(sub, floors)
  }

  /** It was told of these, whether it goes on with them or not: they are no news. */
  hear({ sub, registers }: Told): void {
    for (const [key, register] of registers) if (this.isLasting(sub, register)) this.#hear(sub, key, register)
  }

  /** Whether it cannot have known of such a write. */
  isNews(sub: string, key: string, register: Register): boolean {
    const isTold = this.#isDeclared(key) && this.isLasting(sub, register)
    return isTold && register.stamp > (this.#newest.get(this.#name(sub, key)) ?? 0)
  }

  /** How much has ended so far. */
  get ends(): Since {
    return { givenUp: this.givenUp.count, revoked: this.revoked.count, departed: this.departed.count }
  }

  /** What a cookie of its own has told the server. Undeclared keys are not for this build to remember. */
  learnCookie({ browser, user, generation, registers }: CookieState): void {
    if (user !== undefined) this.enter(user, generation)
    for (const [key, register] of registers)
      if (this.#isDeclared(key)) this.learn(key === OWN ? browser : (user ?? browser), key, register)
  }

  /** What is in no socket's hands may have been forgotten. */
  evict(held: ReadonlySet<string>): void {
    for (const sub of this.floors.keys()) if (!held.has(sub)) this.floors.delete(sub)
  }

  /** Another node, or the store, says what it has of a name. Says whether that ends what was not known to have ended. */
  take({ kind, sub, registers, end }: Told, isNow: boolean): boolean {
    const isEnd = end !== undefined && this.#end(kind, sub, end, isNow)
    for (const [key, register] of registers) {
      if (this.#isDeclared(key)) this.learn(sub, key, register)
      else this.#hide(sub, key, register)
    }
    return isEnd
  }

  /** Which generation of a subject's values counts: a user's begins with each erasure. */
  generation(sub: string): number {
    return this.#generations.get(sub) ?? 0
  }

  /** Whether a generation counts. A newer one than is known ends what is known. */
  enter(sub: string, generation: number = this.generation(sub)): boolean {
    const known = this.generation(sub)
    if (generation > known) {
      this.#generations.set(sub, generation)
      this.floors.delete(sub)
    }
    return generation >= known
  }

  /** Whether a register was not erased. */
  isLasting(sub: string, { generation = this.generation(sub) }: Register): boolean {
    return generation >= this.generation(sub)
  }

  revoke(user: string, epoch: number): void {
    this.#epochs.set(user, epoch)
    this.#ended.set(user, epoch)
    this.revoked.add(user)
    this.departed.add(user)
  }

  epochOf(user: string | undefined): number {
    return (user === undefined ? undefined : this.#epochs.get(user)) ?? 0
  }

  isCurrent(user: string, { epoch, generation = 0 }: Signed): boolean {
    return epoch >= this.epochOf(user) && generation >= this.generation(user)
  }

  /** The same, for what the process has been shown: a newer epoch than the known one is learnt, and is no revocation of now. */
  accepts(user: string, signed: Signed): boolean {
    const isCurrent = this.isCurrent(user, signed)
    if (isCurrent) this.#epochs.set(user, signed.epoch)
    return isCurrent
  }

  /** Whether a cookie is still worth anything. */
  isGood(cookie: CookieState): boolean {
    const { browser, user } = cookie
    return !this.givenUp.has(browser) && (user === undefined || this.isCurrent(user, cookie))
  }

  /** What a cookie that the process is shown is to this visitor. */
  relation(cookie: CookieState | undefined, user: string | undefined): Relation {
    if (!cookie) return 'none'
    if (this.givenUp.has(cookie.browser)) return 'given-up'
    if (cookie.user !== undefined && !this.accepts(cookie.user, cookie)) return 'revoked'
    return cookie.user === user ? 'own' : 'other'
  }

  /** A browser id is given up for good. */
  giveUp({ browser, user }: Identity, next: string | undefined): void {
    const { epoch: last } = this.#heirs.get(browser) ?? { epoch: 0 }
    this.#heirs.set(browser, { heir: next, epoch: Math.max(Math.floor(this.#now()), last + 1) })
    this.givenUp.add(browser)
    if (user !== undefined && user !== next) this.departed.add(user)
  }

  /** Who has signed in where a browser id was given up. */
  heirOf(browser: string): string | undefined {
    return this.#heirs.get(browser)?.heir
  }

  /** Whether a browser that was told of an end by then knows the last one of this id. */
  knowsEnd(browser: string, told: number): boolean {
    return told >= (this.#heirs.get(browser)?.epoch ?? Infinity)
  }

  /** Another visitor goes on in a browser: a guest's values as each field's `onLogin` says, of a user the browser's own. */
  changeHands(departing: Identity, registers: Registers, next: Identity): void {
    const { browser, user } = departing
    for (const [key, register] of registers)
      if (key === OWN || (user === undefined && this.#isDeclared(key))) this.learn(browser, key, register)
    this.giveUp(departing, next.user)
    this.#bring(this.floors.get(browser) ?? new Map(), next)
  }

  /** What a browser chose under an earlier id goes to its present visitor. */
  #bring(registers: Registers, { user, browser }: Identity): void {
    for (const [key, register] of registers) {
      if (key === HIDDEN) continue
      if (user === undefined || key === OWN) this.learn(browser, key, register)
      else if (this.#isDeclared(key)) this.#transfer(user, key, register)
    }
  }

  /** What is known of a key begins anew with each generation. */
  #name(sub: string, key: string): string {
    return `${sub} ${this.generation(sub)} ${key}`
  }

  #hear(sub: string, key: string, { stamp }: Register): void {
    const name = this.#name(sub, key)
    this.#newest.set(name, Math.max(stamp, this.#newest.get(name) ?? 0))
  }

  /** What only another build knows is for browsers that bring it themselves. */
  #hide(sub: string, key: string, register: Register): void {
    if (!this.enter(sub, register.generation)) return
    const name = this.#name(sub, key)
    if (isNewer(register, this.#hidden.get(name))) this.#hidden.set(name, register)
    if (isNewer(register, this.floor(sub, key))) this.floors.get(sub)?.delete(key)
  }

  #end(kind: Told['kind'], sub: string, end: End, isNow: boolean): boolean {
    if (kind === 'user') return this.#endUser(sub, end, isNow)
    if (kind === 'browser') return this.#endBrowser(sub, end, isNow)
    this.departed.add(sub)
    return true
  }

  #endUser(user: string, { epoch, generation }: End, isNow: boolean): boolean {
    this.enter(user, Math.max(generation, this.generation(user)))
    if (epoch <= (this.#ended.get(user) ?? 0)) return false
    this.#ended.set(user, epoch)
    this.#epochs.set(user, Math.max(epoch, this.epochOf(user)))
    if (isNow) this.revoked.add(user)
    if (isNow) this.departed.add(user)
    return true
  }

  #endBrowser(browser: string, { epoch, heir }: End, isNow: boolean): boolean {
    const { epoch: last } = this.#heirs.get(browser) ?? { epoch: 0 }
    if (this.givenUp.has(browser) && !isNow && epoch <= last) return false
    this.#heirs.set(browser, { heir, epoch: Math.max(epoch, last) })
    if (isNow) this.givenUp.add(browser)
    else if (!this.givenUp.has(browser)) this.givenUp.recall(browser)
    return true
  }

  #transfer(user: string, key: string, register: Register): void {
    const rule = LOGIN_RULE[key]
    if (rule === 'newest') this.learn(user, key, { stamp: register.stamp, value: register.value })
    if (register.value === undefined) return
    if (rule === 'join') this.#onJoin(user, register.value)
    if (rule === 'account' && !this.floor(user, key)) this.learn(user, key, { stamp: 1, value: register.value })
  }
}
