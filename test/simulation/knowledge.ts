import { HIDDEN, LOGIN_RULE, OWN } from './builds.js'
import { type CookieState, isNewer, type Register, type Registers } from './registers.js'

/** Who sent a request, as the protocol has it. */
export interface Visitor {
  readonly user: string | undefined
  /** The browser's own subject; undefined while only the server knows it. */
  browser: string | undefined
  /** The request's cookie, where it is this visitor's own. */
  readonly own: CookieState | undefined
  readonly former: string | undefined
  /** The subject it has just taken the place of. */
  readonly succeeds: string | undefined
}

interface Succession {
  readonly user: string | undefined
  next: string | undefined
  /** What belongs to the browser goes along. */
  own: Register | undefined
  /** Before anybody heard of the next id it was given up too. */
  fate?: 'left' | { readonly user: string | undefined }
}

/**
 * What one server process must know, told by what it has been sent and has acknowledged: for each subject the least that
 * every later read has to show. An under-estimate at most; never more than the protocol promises.
 */
export class Knowledge {
  readonly floors: Map<string, Map<string, Register>> = new Map()
  readonly retired: Set<string> = new Set<string>()
  readonly #successions = new Map<string, Succession>()
  readonly #epochs = new Map<string, number>()
  readonly #brought = new Map<string, Map<string, Register>>()
  readonly #isDeclared: (key: string) => boolean
  /** How often memory was lost. */
  evictions = 0

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

  /** What is in no socket's hands may have been forgotten. */
  evict(held: ReadonlySet<string>): void {
    this.evictions += 1
    for (const sub of this.floors.keys()) if (!held.has(sub)) this.floors.delete(sub)
    for (const succession of this.#successions.values()) if (succession.next === undefined) succession.own = undefined
  }

  /** A visitor whose new id only the server knows has given it up again. */
  giveUp({ succeeds }: Visitor, fate: Succession['fate']): void {
    const succession = this.#successions.get(succeeds ?? '')
    if (succession && fate) succession.fate = fate
  }

  revoke(user: string, epoch: number): void {
    this.#epochs.set(user, epoch)
  }

  isCurrent(user: string, epoch: number): boolean {
    return epoch >= (this.#epochs.get(user) ?? 0)
  }

  /** The same, for what the process has been shown: a newer epoch than the known one is learnt. */
  accepts(user: string, epoch: number): boolean {
    const isCurrent = this.isCurrent(user, epoch)
    if (isCurrent) this.#epochs.set(user, epoch)
    return isCurrent
  }

  /** The visitor of a request, or of a handshake (which changes nothing). */
  recognize(cookie: CookieState | undefined, user: string | undefined): Visitor {
    if (!cookie) return stranger(user)
    const { browser, former, epoch, registers } = cookie
    if (cookie.user === user) {
      const isCurrent = user === undefined ? !this.retired.has(browser) : this.accepts(user, epoch)
      if (!isCurrent) return stranger(user)
      for (const [key, register] of registers) this.learn(key === OWN ? browser : (user ?? browser), key, register)
      return { user, browser, own: cookie, former, succeeds: undefined }
    }
    if (cookie.user !== undefined && !this.accepts(cookie.user, epoch)) return stranger(user)
    return this.changeHands(browser, cookie.user === undefined ? registers : undefined, user)
  }

  /** The browser gets a new id, because somebody else uses it now. */
  changeHands(browser: string, anonymous: Registers | undefined, user: string | undefined): Visitor {
    const former = anonymous && user !== undefined ? browser : undefined
    const known = this.#successions.get(browser)
    if (known?.user === user && known) {
      return { user, browser: known.next, own: undefined, former, succeeds: browser }
    }
    if (this.retired.has(browser)) return stranger(user)
    for (const [key, register] of anonymous ?? []) this.learn(browser, key, register)
    this.bring(browser, this.floors.get(browser) ?? new Map(), user, undefined)
    this.retired.add(browser)
    this.#successions.set(browser, { user, next: undefined, own: this.floor(browser, OWN) })
    return { user, browser: undefined, own: undefined, former, succeeds: browser }
  }

  /** The id that the visitor of another request got for the same reason. */
  nextOf({ succeeds }: Visitor): string | undefined {
    return succeeds === undefined ? undefined : this.#successions.get(succeeds)?.next
  }

  /** The answer has told which id the visitor got. */
  settle(visitor: Visitor, browser: string): void {
    const succession = visitor.succeeds === undefined ? undefined : this.#successions.get(visitor.succeeds)
    if (succession && succession.next === undefined) {
      succession.next = browser
      if (succession.fate) this.retired.add(browser)
      else if (succession.own) this.learn(browser, OWN, succession.own)
      if (typeof succession.fate === 'object')
        this.#successions.set(browser, { user: succession.fate.user, next: undefined, own: undefined })
    }
    visitor.browser = browser
  }

  /** What a browser chose under an earlier id goes to whoever it is now, once, as each field's `onLogin` says. */
  bring(former: string, registers: Registers, user: string | undefined, browser: string | undefined): void {
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
    const rule = LOGIN_RULE[key]
    if (rule === 'newest') this.learn(user, key, register)
    if (rule === 'account' && register.value !== undefined && !this.floor(user, key)) {
      this.learn(user, key, { ...register, stamp: 1 })
    }
  }
}

export function stranger(user: string | undefined): Visitor {
  return { user, browser: undefined, own: undefined, former: undefined, succeeds: undefined }
}
