import type { JsonValue } from '../../shared/json.js'
import type { Browser } from './browser.js'
import { ADDED_TO, LOGIN_RULE, OWN } from './builds.js'
import { isNewer, type Register, type Registers } from './registers.js'
import { isSame, type Whose } from './whos.js'

/** The value in forged tickets and cookies, which no server or page may show. */
export const FORGED = 666
const FIRST_TAG = 1000

/** Whether a value was written, instead of a default. */
export function isTag(value: JsonValue | undefined): boolean {
  return typeof value === 'number' ? value >= FIRST_TAG : Array.isArray(value) && value.some(isTag)
}

/** A write, identified by its value. */
interface Write {
  readonly key: string
  /** The index of the writing browser; undefined for a job. */
  readonly browser: number | undefined
  readonly subs: Set<string>
  /** The write's least stamp, by subject, because a later page may resend the write. */
  readonly stamps: Map<string, number>
  readonly joined: Map<string, number>
  readonly generations: Map<string, number>
}

export interface Reader {
  readonly sub: string | undefined
  readonly isUser: boolean
  readonly browser: number
  readonly generation: number
}

/** Records the key, browser and subjects of each written value, which no other visitor may see. */
export class Ledger {
  readonly #writes: Write[] = []
  readonly #homes = new Map<string, number>()
  readonly #heirs = new Map<string, Set<string>>()

  tag(key: string, browser: number | undefined): number {
    return (
      FIRST_TAG -
      1 +
      this.#writes.push({ key, browser, subs: new Set(), stamps: new Map(), joined: new Map(), generations: new Map() })
    )
  }

  assign(value: JsonValue | undefined, sub: string | undefined, stamp: number, generation: number): void {
    for (const write of this.#of(value)) {
      if (sub !== undefined) write.subs.add(sub)
      if (sub !== undefined) write.stamps.set(sub, Math.min(stamp, write.stamps.get(sub) ?? stamp))
      if (sub !== undefined) write.generations.set(sub, Math.max(generation, write.generations.get(sub) ?? 0))
    }
  }

  /** Notes a change that arrives: sockets of this subject may show its value before the answer. */
  arrives(value: JsonValue | undefined, sub: string): void {
    for (const write of this.#of(value)) write.subs.add(sub)
  }

  /** Returns the least stamp of a value among these subjects, or 0 if none has written the value. */
  stampOf(value: JsonValue | undefined, subs: readonly string[]): number {
    const stamps = this.#of(value).flatMap((write) => subs.flatMap((sub) => write.stamps.get(sub) ?? []))
    return stamps.length === 0 ? 0 : Math.min(...stamps)
  }

  /** Assigns an id to a browser; returns whether no other browser has had the id. */
  settle(sub: string, browser: number): boolean {
    const home = this.#homes.get(sub) ?? browser
    this.#homes.set(sub, home)
    return home === browser
  }

  join(sub: string, value: JsonValue): void {
    for (const { joined } of this.#of(value)) joined.set(sub, (joined.get(sub) ?? 0) + 1)
  }

  /** Lets a subject inherit a former subject's values, by the fields' `onLogin`. */
  inherit(sub: string, former: string): void {
    const formers = this.#heirs.get(sub) ?? new Set()
    this.#heirs.set(sub, formers.add(former))
  }

  /** Returns an error text if a server must not show a value to this reader. Only a page may still show an erased value. */
  protest(reader: Reader, key: string, register: Register): string | undefined {
    const writes = this.#of(register.value)
    const { sub, generation } = reader
    const isErased = writes.some(
      ({ subs, generations }) =>
        sub !== undefined && subs.size === 1 && (generations.get(sub) ?? generation) < generation,
    )
    const isTwice = ({ joined }: Write, times: number): boolean =>
      times > Math.max(1, (sub === undefined ? undefined : joined.get(sub)) ?? 0)
    if (key !== ADDED_TO && writes.some((write) => isTwice(write, writes.filter((other) => other === write).length)))
      return `${key} = ${JSON.stringify(register.value)}, partly transferred twice`
    return isErased
      ? `${key} = ${JSON.stringify(register.value)}, which was erased`
      : this.objection(reader, key, register)
  }

  /** Returns an error text if this reader must not see a value. */
  objection(
    { sub, isUser, browser }: Omit<Reader, 'generation'>,
    key: string,
    { stamp, value }: Register,
  ): string | undefined {
    for (const write of this.#of(value)) {
      const name = `${key} = ${JSON.stringify(value)} at ${stamp}`
      if (write.key !== key) return `${name} was written as ${write.key}`
      if (write.subs.size === 0 || (sub !== undefined && write.subs.has(sub))) continue
      if (key === OWN && write.browser === browser) continue
      if (key === OWN) return `${name} belongs to another browser`
      const heirs = sub === undefined ? undefined : this.#heirs.get(sub)
      const isHeir = [...write.subs].some((writer) => heirs?.has(writer))
      if (!isHeir) return `${name} is another visitor's`
      if (!isUser) continue
      const rule = LOGIN_RULE[key]
      if (rule === undefined) return `${name} was transferred, though only servers write it`
      if (rule === 'account' && stamp !== 1) return `${name} was transferred with a later stamp than a sign-in's`
    }
    if (value === FORGED || (Array.isArray(value) && value.includes(FORGED))) return `${key} is forged`
    return undefined
  }

  #of(value: JsonValue | undefined): readonly Write[] {
    const tags: readonly unknown[] = Array.isArray(value) ? value : [value]
    return tags.flatMap((tag) => {
      const write = typeof tag === 'number' ? this.#writes[tag - FIRST_TAG] : undefined
      return write ? [write] : []
    })
  }
}

interface Save {
  readonly browser: Browser
  readonly owner: Whose
  readonly key: string
  readonly register: Register
}

/** Saved changes, which a browser must keep for the same visitor, over restarts. */
export class Saves {
  readonly #saves: Save[] = []

  add(browser: Browser, owner: Whose, key: string, register: Register): void {
    this.#saves.push({ browser, owner, key, register })
  }

  /** Returns the newest register of each key, and all added items. */
  of(browser: Browser, now: Whose): { readonly newest: Registers; readonly added: readonly JsonValue[] } {
    const newest = new Map<string, Register>()
    const own = this.#saves.filter((save) => save.browser === browser && isSame(save.owner, now))
    for (const { key, register } of own)
      if (key !== ADDED_TO && isNewer(register, newest.get(key))) newest.set(key, register)
    const added = own.flatMap(({ key, register }) => (key === ADDED_TO ? (register.value as JsonValue[]) : []))
    return { newest, added }
  }
}
