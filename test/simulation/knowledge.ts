import type { Since } from './browser.js'
import { HIDDEN, LOGIN_RULE, OWN } from './builds.js'
import { type CookieState, isNewer, type Register, type Registers } from './registers.js'

/** Who a visitor is to the server: hashes of subjects. */
export interface Identity {
  readonly user: string | undefined
  /** The browser's own; undefined until it gets an id. */
  readonly browser: string | undefined
}

/** Who has used a browser until now. */
export interface Departing extends Identity {
  readonly browser: string
  readonly registers: Registers
}

/**
 * What one server process must know, told by what it has been sent and has acknowledged: for each subject the least that
 * every later read has to show. An under-estimate at most; never more than the protocol promises.
 */
export class Knowledge {
  readonly floors: Map<string, Map<string, Register>> = new Map()
  /** Browsers whose ids were given up. */
  readonly retired: Ends = new Ends()
  /** Users who have signed out somewhere, or were revoked. */
  readonly departed: Ends = new Ends()
  readonly #successions = new Map<string, Identity>()
  readonly #epochs = new Map<string, number>()
  readonly #brought = new Map<string, Map<string, Register>>()
  /** Users whose values were deleted: what they had brought along before comes with no later ticket or cookie again. */
  readonly #erased = new Set<string>()
  readonly #isDeclared: (key: string) => boolean

  constructor(isDeclared: (key: string) => boolean) {
    this.#isDeclared = isDeclared
  }

  floor(sub: string | undefined, key: string): Register | undefined {
    return sub === undefined ? undefined : this.floors.get(sub)?.get(key)
  }

  learn(sub: string | undefined, key: string, register: Register): void {
    if (sub === undefined) return
    const floors = this.floors.get(sub) ?? new Map<string, Register>()
    if (isNewer(register, floors.get(key))) floors.set(key, register)
    this.floors.set(sub, floors)
  }

  /** How much has ended so far. */
  get ends(): Since {
    return { retired: this.retired.count, departed: this.departed.count }
  }

  /** What a cookie of its own has told the server. Undeclared keys are not for this build to remember. */
  learnCookie({ browser, user, registers }: CookieState): void {
    for (const [key, register] of registers)
      if (this.#isDeclared(key)) this.learn(key === OWN ? browser : (user ?? browser), key, register)
  }

  /** What is in no socket's hands may have been forgotten. */
  evict(held: ReadonlySet<string>): void {
    for (const sub of this.floors.keys()) if (!held.has(sub)) this.floors.delete(sub)
  }

  erase(user: string): void {
    this.floors.delete(user)
    this.#erased.add(user)
  }

  revoke(user: string, epoch: number): void {
    this.#epochs.set(user, epoch)
    this.departed.add(user)
  }

  isCurrent(user: string, epoch: number): boolean {
    return epoch >= (this.#epochs.get(user) ?? 0)
  }

  /** The same, for what the process has been shown: a newer epoch than the known one is learnt, and is no revocation of now. */
  accepts(user: string, epoch: number): boolean {
    const isCurrent = this.isCurrent(user, epoch)
    if (isCurrent) this.#epochs.set(user, epoch)
    return isCurrent
  }

  /** Whether a cookie is still worth anything. */
  isGood({ browser, user, epoch }: CookieState): boolean {
    return !this.retired.has(browser) && (user === undefined || this.isCurrent(user, epoch))
  }

  /** The same, for one that the process has been shown. */
  acceptsCookie(cookie: CookieState): boolean {
    const isGood = this.isGood(cookie)
    if (isGood && cookie.user !== undefined) this.accepts(cookie.user, cookie.epoch)
    return isGood
  }

  /** A browser is given up for good, because another visitor uses it now; what that one gets is known. */
  changeHands(departing: Departing, next: Identity): void {
    const { browser, user, registers } = departing
    const known = this.#successions.get(browser)
    const isKnown = known !== undefined && known.user === next.user && known.browser === next.browser
    if (this.retired.has(browser) && !isKnown) return
    if (!isKnown) this.retired.add(browser)
    for (const [key, register] of registers)
      if (key === OWN || (user === undefined && this.#isDeclared(key))) this.learn(browser, key, register)
    this.bring(browser, this.floors.get(browser) ?? new Map(), next)
    // Only a user who was vouched for is led to what followed.
    if (next.user !== undefined) this.#successions.set(browser, next)
  }

  /** Whether what is written under an id that was given up still goes to who uses the browser now. */
  hasSuccessor(browser: string): boolean {
    const next = this.#successions.get(browser)?.browser
    return next !== undefined && !this.retired.has(next)
  }

  /** What was written under an id that was given up goes to the visitor who uses the browser now. */
  passOn(browser: string): void {
    const next = this.#successions.get(browser)
    if (next) this.bring(browser, this.floors.get(browser) ?? new Map(), next)
  }

  /** What a browser chose under an earlier id goes to its present visitor, once, as each field's `onLogin` says. */
  bring(former: string, registers: Registers, { user, browser }: Identity): void {
    const brought = this.#brought.get(former) ?? new Map<string, Register>()
    this.#brought.set(former, brought)
    for (const [key, register] of registers) {
      if (!isNewer(register, brought.get(key))) continue
      brought.set(key, register)
      if (key === HIDDEN) continue
      if (user === undefined || key === OWN) this.learn(browser, key, register)
      else if (this.#isDeclared(key)) this.#transfer(user, key, register)
    }
  }

  #transfer(user: string, key: string, register: Register): void {
    if (this.#erased.has(user)) return
    const rule = LOGIN_RULE[key]
    if (rule === 'newest') this.learn(user, key, register)
    if (rule === 'account' && register.value !== undefined && !this.floor(user, key)) {
      this.learn(user, key, { ...register, stamp: 1 })
    }
  }
}

/** What came to an end, and in which order. */
export class Ends {
  readonly #at = new Map<string, number>()
  #count = 0

  get count(): number {
    return this.#count
  }

  add(name: string): void {
    this.#count += 1
    this.#at.set(name, this.#count)
  }

  has(name: string): boolean {
    return this.#at.has(name)
  }

  /** Whether it ended after so many others had. */
  hasSince(name: string, count: number): boolean {
    return (this.#at.get(name) ?? 0) > count
  }
}
