import type { JsonValue } from '../../shared/json.js'
import type { Since } from './browser.js'
import { HIDDEN, LOGIN_RULE, OWN } from './builds.js'
import { Ends } from './ends.js'
import { Erasures } from './erasures.js'
import { type CookieState, isNewer, isRecent, type Register, type Registers, secondsOf } from './registers.js'
import type { End, Told } from './told.js'

/** Who a visitor is to the server: hashes of subjects. */
export interface Identity {
  readonly user: string | undefined
  readonly browser: string
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
  readonly erasures: Erasures = new Erasures()
  readonly #epochs = new Map<string, number>()
  /** Who came after the owner of a browser id, and since when, in seconds. */
  readonly #heirs = new Map<string, { readonly heir: string | undefined; readonly since: number }>()
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
    if (sub === undefined || !this.erasures.isLasting(sub, register)) return
    this.#hear(sub, key, register)
    const hidden = this.#hidden.get(`${sub} ${key}`)
    if (hidden && isNewer(hidden, register)) return
    const floors = this.floors.get(sub) ?? new Map<string, Register>()
    if (isNewer(register, floors.get(key))) floors.set(key, register)
    this.floors.set(sub, floors)
  }

  /** It was told of these, whether it goes on with them or not: they are no news. */
  hear({ sub, registers }: Told): void {
    for (const [key, register] of registers) this.#hear(sub, key, register)
  }

  /** Whether it cannot have known of such a write. */
  isNews(sub: string, key: string, register: Register): boolean {
    const isTold = this.#isDeclared(key) && this.erasures.isLasting(sub, register)
    return isTold && register.stamp > (this.#newest.get(`${sub} ${key}`) ?? 0)
  }

  /** How much has ended so far. */
  get ends(): Since {
    return { givenUp: this.givenUp.count, revoked: this.revoked.count, departed: this.departed.count }
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

  /** Another node, or the store, says what it has of a name. Says whether that ends what was not known to have ended. */
  take({ kind, sub, registers, end }: Told, isNow: boolean): boolean {
    const isEnd = end !== undefined && this.#end(kind, sub, end, isNow)
    for (const [key, register] of registers) {
      if (this.#isDeclared(key)) this.learn(sub, key, register)
      else this.#hide(sub, key, register)
    }
    return isEnd
  }

  erase(user: string, until: number): void {
    this.floors.delete(user)
    this.erasures.add(user, until)
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

  isCurrent(user: string, epoch: number): boolean {
    return epoch >= this.epochOf(user)
  }

  /** The same, for what the process has been shown: a newer epoch than the known one is learnt, and is no revocation of now. */
  accepts(user: string, epoch: number): boolean {
    const isCurrent = this.isCurrent(user, epoch)
    if (isCurrent) this.#epochs.set(user, epoch)
    return isCurrent
  }

  /** Whether a cookie is still worth anything. */
  isGood({ browser, user, epoch }: CookieState): boolean {
    return !this.givenUp.has(browser) && (user === undefined || this.isCurrent(user, epoch))
  }

  /** What a cookie that the process is shown is to this visitor. */
  relation(cookie: CookieState | undefined, user: string | undefined): Relation {
    if (!cookie) return 'none'
    if (this.givenUp.has(cookie.browser)) return 'given-up'
    if (cookie.user !== undefined && !this.accepts(cookie.user, cookie.epoch)) return 'revoked'
    return cookie.user === user ? 'own' : 'other'
  }

  /** A browser id is given up for good. */
  giveUp({ browser, user }: Identity, next: string | undefined): void {
    const { heir } = this.#heirs.get(browser) ?? { heir: next }
    this.#heirs.set(browser, { heir, since: secondsOf(this.#now()) })
    this.givenUp.add(browser)
    if (user !== undefined && user !== next) this.departed.add(user)
  }

  /** Who has signed in where a browser id was given up. */
  heirOf(browser: string): string | undefined {
    return this.#heirs.get(browser)?.heir
  }

  /** Whether an id was given up so long ago that nothing is late which still brings it. */
  hasLongEnded(browser: string): boolean {
    return !isRecent(this.#heirs.get(browser)?.since ?? 0, this.#now())
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

  #hear(sub: string, key: string, { stamp }: Register): void {
    const name = `${sub} ${key}`
    this.#newest.set(name, Math.max(stamp, this.#newest.get(name) ?? 0))
  }

  /** What only another build knows is for browsers that bring it themselves. */
  #hide(sub: string, key: string, register: Register): void {
    const name = `${sub} ${key}`
    if (isNewer(register, this.#hidden.get(name))) this.#hidden.set(name, register)
    if (isNewer(register, this.floor(sub, key))) this.floors.get(sub)?.delete(key)
  }

  #end(kind: Told['kind'], sub: string, end: End, isNow: boolean): boolean {
    if (kind === 'user') return this.#endUser(sub, end, isNow)
    if (kind === 'browser') return this.#endBrowser(sub, end, isNow)
    this.departed.add(sub)
    return true
  }

  #endUser(user: string, { epoch, erased }: End, isNow: boolean): boolean {
    if (epoch <= (this.#ended.get(user) ?? 0)) return false
    this.#ended.set(user, epoch)
    this.#epochs.set(user, Math.max(epoch, this.epochOf(user)))
    if (isNow) this.revoked.add(user)
    if (isNow) this.departed.add(user)
    if (erased === 0) return true
    const later = [...(this.floors.get(user) ?? [])].filter(([, { stamp }]) => stamp > erased)
    this.erase(user, erased)
    this.floors.set(user, new Map(later))
    return true
  }

  #endBrowser(browser: string, { epoch, heir }: End, isNow: boolean): boolean {
    if (this.givenUp.has(browser) && !isNow) return false
    this.#heirs.set(browser, { heir, since: secondsOf(epoch) })
    if (isNow) this.givenUp.add(browser)
    else this.givenUp.recall(browser)
    return true
  }

  #transfer(user: string, key: string, register: Register): void {
    const rule = LOGIN_RULE[key]
    if (rule === 'newest') this.learn(user, key, register)
    if (register.value === undefined) return
    if (rule === 'join') this.#onJoin(user, register.value)
    if (rule === 'account' && !this.floor(user, key))
      this.learn(user, key, { ...register, stamp: this.erasures.first(user) })
  }
}
