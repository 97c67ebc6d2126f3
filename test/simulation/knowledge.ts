import type { JsonValue } from '../../shared/json.js'
import type { Since } from './browser.js'
import { HIDDEN, LOGIN_RULE, OWN } from './builds.js'
import { type CookieState, type End, isNewer, type Received, type Register, type Registers } from './registers.js'

/** Revoked or departed users, or retired browser ids, in order. */
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

  recall(name: string): void {
    this.#at.set(name, 0)
  }

  has(name: string): boolean {
    return this.#at.has(name)
  }

  hasSince(name: string, count: number): boolean {
    return (this.#at.get(name) ?? 0) > count
  }
}

export interface Identity {
  readonly user: string | undefined
  readonly browser: string
}

/** The epoch and generation in cookies and tickets of a user. */
export interface Signed {
  readonly epoch: number
  readonly generation?: number | undefined
}

/** The relation of a cookie to the app's user. */
export type CookieStatus = 'none' | 'own' | 'other' | 'revoked' | 'retired'

/** In ms: for so long after a sign-in, another request with the guest's cookie leads to the same id. */
const DOUBLE_SIGN_IN = 60_000

interface Circumstances {
  isDeclared(this: void, key: string): boolean
  now(this: void): number
  /** Called when the app's own rule joins a value into an account. */
  onJoin(this: void, user: string, value: JsonValue): void
}

/** The least knowledge a process must have of each subject, from the process's messages and acknowledgements. */
export class Knowledge {
  readonly floors: Map<string, Map<string, Register>> = new Map()
  readonly retired: Ends = new Ends()
  /** Signed-out or revoked users. */
  readonly departed: Ends = new Ends()
  readonly revoked: Ends = new Ends()
  readonly #generations = new Map<string, number>()
  readonly #epochs = new Map<string, number>()
  /** By retired browser id: the user who signed in then, and the time of the id's last retirement. */
  readonly #heirs = new Map<string, { readonly rotatedTo: string | undefined; readonly epoch: number }>()
  /** The newest revocation applied by the process, by user; a cookie may reveal a later revocation. */
  readonly #ended = new Map<string, number>()
  /** The newest stamp ever received, by subject and key. */
  readonly #newest = new Map<string, number>()
  /** The registers of undeclared keys, by subject and key. */
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
    // A register without a generation is of the current generation.
    if (isNewer(register, floors.get(key))) floors.set(key, { ...register, generation: this.generation(sub) })
    this.floors.set(sub, floors)
  }

  /** Notes registers as seen, even if the node has ignored them: they are no longer news. */
  hear({ sub, registers }: Received): void {
    for (const [key, register] of registers) if (this.isLasting(sub, register)) this.#hear(sub, key, register)
  }

  isNews(sub: string, key: string, register: Register): boolean {
    const isTold = this.#isDeclared(key) && this.isLasting(sub, register)
    return isTold && register.stamp > (this.#newest.get(this.#name(sub, key)) ?? 0)
  }

  get ends(): Since {
    return { retired: this.retired.count, revoked: this.revoked.count, departed: this.departed.count }
  }

  /** Learns the registers of a visitor's cookie, except undeclared keys. */
  learnCookie({ browser, user, generation, registers }: CookieState): void {
    if (user !== undefined) this.enter(user, generation)
    for (const [key, register] of registers)
      if (this.#isDeclared(key)) this.learn(key === OWN ? browser : (user ?? browser), key, register)
  }

  evict(persisted: ReadonlySet<string>): void {
    for (const sub of this.floors.keys()) if (!persisted.has(sub)) this.floors.delete(sub)
  }

  /** Applies a message or a stored subject. Returns whether a new end of the subject was in it. */
  take({ kind, sub, registers, end }: Received, isNow: boolean): boolean {
    const isEnd = end !== undefined && this.#end(kind, sub, end, isNow)
    for (const [key, register] of registers) {
      if (this.#isDeclared(key)) this.learn(sub, key, register)
      else this.#hide(sub, key, register)
    }
    return isEnd
  }

  /** The current generation of a subject. Each erasure of a user begins another generation. */
  generation(sub: string): number {
    return this.#generations.get(sub) ?? 0
  }

  /** Returns whether a generation is current. A newer generation clears the registers. */
  enter(sub: string, generation: number = this.generation(sub)): boolean {
    const known = this.generation(sub)
    if (generation > known) {
      this.#generations.set(sub, generation)
      this.floors.delete(sub)
    }
    return generation >= known
  }

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

  /** Like `isCurrent`, but also adopts a newer epoch, without counting a revocation. */
  accepts(user: string, signed: Signed): boolean {
    const isCurrent = this.isCurrent(user, signed)
    if (isCurrent) this.#epochs.set(user, signed.epoch)
    return isCurrent
  }

  isGood(cookie: CookieState): boolean {
    const { browser, user } = cookie
    return !this.retired.has(browser) && (user === undefined || this.isCurrent(user, cookie))
  }

  cookieStatus(cookie: CookieState | undefined, user: string | undefined): CookieStatus {
    if (!cookie) return 'none'
    if (this.retired.has(cookie.browser)) return 'retired'
    if (cookie.user !== undefined && !this.accepts(cookie.user, cookie)) return 'revoked'
    return cookie.user === user ? 'own' : 'other'
  }

  retire({ browser, user }: Identity, next: string | undefined): void {
    const { epoch: last } = this.#heirs.get(browser) ?? { epoch: 0 }
    this.#heirs.set(browser, { rotatedTo: next, epoch: Math.max(Math.floor(this.#now()), last + 1) })
    this.retired.add(browser)
    if (user !== undefined && user !== next) this.departed.add(user)
  }

  /** The user who signed in when a browser id was retired. */
  heirOf(browser: string): string | undefined {
    return this.#heirs.get(browser)?.rotatedTo
  }

  /** Whether the user's next id may be new after this id: retired, not the user's own, and not rotated to the user within a minute. */
  startsAnew({ browser, user: former }: Identity, user: string | undefined): boolean {
    const { rotatedTo, epoch } = this.#heirs.get(browser) ?? {}
    if (epoch === undefined || former === user) return false
    return rotatedTo !== user || this.#now() >= epoch + DOUBLE_SIGN_IN
  }

  /** Whether a browser has learned of the last retirement of its id. */
  knowsEnd(browser: string, received: number): boolean {
    return received >= (this.#heirs.get(browser)?.epoch ?? Infinity)
  }

  /**
   * Transfers a guest's values to the next visitor, by each field's `onLogin`; of a user's values, only the browser's own.
   */
  rotate(departing: Identity, registers: Registers, next: Identity): void {
    const { browser, user } = departing
    for (const [key, register] of registers)
      if (key === OWN || (user === undefined && this.#isDeclared(key))) this.learn(browser, key, register)
    this.retire(departing, next.user)
    this.#bring(this.floors.get(browser) ?? new Map(), next)
  }

  #bring(registers: Registers, { user, browser }: Identity): void {
    for (const [key, register] of registers) {
      if (key === HIDDEN) continue
      if (user === undefined || key === OWN) this.learn(browser, key, register)
      else if (this.#isDeclared(key)) this.#transfer(user, key, register)
    }
  }

  #name(sub: string, key: string): string {
    return `${sub} ${this.generation(sub)} ${key}`
  }

  #hear(sub: string, key: string, { stamp }: Register): void {
    const name = this.#name(sub, key)
    this.#newest.set(name, Math.max(stamp, this.#newest.get(name) ?? 0))
  }

  /** Notes a register of an undeclared key, which a node keeps only for browsers whose cookies have the key. */
  #hide(sub: string, key: string, register: Register): void {
    if (!this.enter(sub, register.generation)) return
    const name = this.#name(sub, key)
    if (isNewer(register, this.#hidden.get(name))) this.#hidden.set(name, register)
    if (isNewer(register, this.floor(sub, key))) this.floors.get(sub)?.delete(key)
  }

  #end(kind: Received['kind'], sub: string, end: End, isNow: boolean): boolean {
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

  #endBrowser(browser: string, { epoch, rotatedTo }: End, isNow: boolean): boolean {
    const { epoch: last } = this.#heirs.get(browser) ?? { epoch: 0 }
    if (this.retired.has(browser) && !isNow && epoch <= last) return false
    this.#heirs.set(browser, { rotatedTo, epoch: Math.max(epoch, last) })
    if (isNow) this.retired.add(browser)
    else if (!this.retired.has(browser)) this.retired.recall(browser)
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
