import type { JsonValue } from '../../shared/json.js'
import { LOGIN_RULE, OWN } from './builds.js'
import type { Register } from './registers.js'

/** The value of a forged ticket or cookie: a server or page that reads it was deceived. */
export const FORGED = 666
const FIRST_TAG = 1000

/** One write, known by its value wherever that turns up. */
interface Write {
  readonly key: string
  /** The browser it was made in; none: a job of the server. */
  readonly browser: number | undefined
  /** Whose it became. More than one's where the page sent it again after the browser had changed hands. */
  readonly subs: Set<string>
  /** With which it was acknowledged last. */
  stamp: number
  isStray: boolean
  /** Of an account that was erased since. */
  isErased: boolean
}

/** Who reads, or is shown, a value. */
export interface Reader {
  readonly sub: string | undefined
  readonly isUser: boolean
  readonly browser: number
}

/** Every write there was, and who may see it. */
export class Ledger {
  readonly #writes: Write[] = []
  readonly #homes = new Map<string, number>()
  readonly #heirs = new Map<string, Set<string>>()

  /** A value that was not written before. */
  tag(key: string, browser: number | undefined): number {
    return (
      FIRST_TAG - 1 + this.#writes.push({ key, browser, subs: new Set(), stamp: 0, isStray: false, isErased: false })
    )
  }

  /** The subject that a write became part of, and its stamp. */
  assign(value: JsonValue | undefined, sub: string | undefined, stamp: number): void {
    for (const write of this.#of(value)) {
      if (sub !== undefined) write.subs.add(sub)
      write.stamp = stamp
      write.isErased = false
    }
  }

  /** What was written for this account alone is gone for good. */
  erase(sub: string): void {
    for (const write of this.#writes) write.isErased ||= write.subs.size === 1 && write.subs.has(sub)
  }

  /** A server that has just begun knows of no erasure: without a store nothing outlives it. */
  forgive(): void {
    for (const write of this.#writes) write.isErased = false
  }

  /** A page has POSTed it while its browser had another subject: nothing in a `set` says whose it is. */
  stray(value: JsonValue | undefined): void {
    for (const write of this.#of(value)) write.isStray = true
  }

  isStray(value: JsonValue | undefined): boolean {
    return this.#of(value).some(({ isStray }) => isStray)
  }

  /** 0 where no page was told of one. */
  stampOf(value: JsonValue | undefined): number {
    return Math.max(0, ...this.#of(value).map(({ stamp }) => stamp))
  }

  /** An id is given to a browser; says whether no other has it. */
  settle(sub: string, browser: number): boolean {
    const home = this.#homes.get(sub) ?? browser
    this.#homes.set(sub, home)
    return home === browser
  }

  /** What was of the one is now the other's, as far as the fields' rules let it. */
  inherit(sub: string, former: string): void {
    const formers = this.#heirs.get(sub) ?? new Set()
    this.#heirs.set(sub, formers.add(former))
  }

  /** What is wrong with a server saying that to this reader: a page may show for a while what was erased meanwhile. */
  protest(reader: Reader, key: string, register: Register): string | undefined {
    const isErased = this.#of(register.value).some((write) => write.isErased)
    return isErased
      ? `${key} = ${JSON.stringify(register.value)}, which was erased`
      : this.objection(reader, key, register)
  }

  /** What is wrong with this reader seeing that. */
  objection({ sub, isUser, browser }: Reader, key: string, { stamp, value }: Register): string | undefined {
    for (const write of this.#of(value)) {
      const name = `${key} = ${JSON.stringify(value)} at ${stamp}`
      if (write.key !== key) return `${name} was written as ${write.key}`
      if (write.subs.size === 0 || (sub !== undefined && write.subs.has(sub))) continue
      if (key === OWN && write.browser === browser) continue
      if (key === OWN) return `${name} is of another browser`
      const heirs = this.#heirs.get(sub ?? '')
      const isHeir = [...write.subs].some((writer) => heirs?.has(writer))
      if (!isHeir) return `${name} is another visitor's`
      if (!isUser) continue
      const rule = LOGIN_RULE[key]
      if (rule === undefined) return `${name} came from a visitor, whom no server wrote it for`
      if (rule === 'account' && stamp !== 1) return `${name} came from a visitor, as if it were the account's own`
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
