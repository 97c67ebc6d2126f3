import type { JsonValue } from '../../shared/json.js'
import { ADDED_TO, LOGIN_RULE, OWN } from './builds.js'
import type { Register } from './registers.js'

/** The value of a forged ticket or cookie: a server or page that reads it was deceived. */
export const FORGED = 666
const FIRST_TAG = 1000

/** One write, known by its value wherever that turns up. */
interface Write {
  readonly key: string
  /** The browser it was made in; none: a job of the server. */
  readonly browser: number | undefined
  /** Whose it became. */
  readonly subs: Set<string>
  /** The least with which each acknowledged it: a page may send again what another has left. */
  readonly stamps: Map<string, number>
  /** How often it was added to what an account has. */
  readonly joined: Map<string, number>
  /** The newest generation of each whose values it was among. */
  readonly generations: Map<string, number>
}

/** Who reads, or is shown, a value. */
export interface Reader {
  readonly sub: string | undefined
  readonly isUser: boolean
  readonly browser: number
  /** Of the user's values that it reads. */
  readonly generation: number
}

/** Every write there was, and who may see it. */
export class Ledger {
  readonly #writes: Write[] = []
  readonly #homes = new Map<string, number>()
  readonly #heirs = new Map<string, Set<string>>()

  /** A value that was not written before. */
  tag(key: string, browser: number | undefined): number {
    return (
      FIRST_TAG -
      1 +
      this.#writes.push({ key, browser, subs: new Set(), stamps: new Map(), joined: new Map(), generations: new Map() })
    )
  }

  /** The subject that a write became part of, and its stamp. */
  assign(value: JsonValue | undefined, sub: string | undefined, stamp: number, generation: number): void {
    for (const write of this.#of(value)) {
      if (sub !== undefined) write.subs.add(sub)
      if (sub !== undefined) write.stamps.set(sub, Math.min(stamp, write.stamps.get(sub) ?? stamp))
      if (sub !== undefined) write.generations.set(sub, Math.max(generation, write.generations.get(sub) ?? 0))
    }
  }

  /** A page asks for it as this visitor: its sockets may hear of it before the page is answered. */
  arrives(value: JsonValue | undefined, sub: string): void {
    for (const write of this.#of(value)) write.subs.add(sub)
  }

  /** The least stamp that one of these subjects gave it; 0 where none did. */
  stampOf(value: JsonValue | undefined, subs: readonly string[]): number {
    const stamps = this.#of(value).flatMap((write) => subs.flatMap((sub) => write.stamps.get(sub) ?? []))
    return stamps.length === 0 ? 0 : Math.min(...stamps)
  }

  /** An id is given to a browser; says whether no other has it. */
  settle(sub: string, browser: number): boolean {
    const home = this.#homes.get(sub) ?? browser
    this.#homes.set(sub, home)
    return home === browser
  }

  /** What a guest had was added to what an account has. */
  join(sub: string, value: JsonValue): void {
    for (const { joined } of this.#of(value)) joined.set(sub, (joined.get(sub) ?? 0) + 1)
  }

  /** What was of the one is now the other's, as far as the fields' rules let it. */
  inherit(sub: string, former: string): void {
    const formers = this.#heirs.get(sub) ?? new Set()
    this.#heirs.set(sub, formers.add(former))
  }

  /** What is wrong with a server saying that to this reader: a page may show for a while what was erased meanwhile. */
  protest(reader: Reader, key: string, register: Register): string | undefined {
    const writes = this.#of(register.value)
    const { sub, generation } = reader
    // What was written for this account alone is gone for good.
    const isErased = writes.some(
      ({ subs, generations }) =>
        sub !== undefined && subs.size === 1 && (generations.get(sub) ?? generation) < generation,
    )
    const isTwice = ({ joined }: Write, times: number): boolean =>
      times > Math.max(1, (sub === undefined ? undefined : joined.get(sub)) ?? 0)
    if (key !== ADDED_TO && writes.some((write) => isTwice(write, writes.filter((other) => other === write).length)))
      return `${key} = ${JSON.stringify(register.value)}, some of which was brought along twice`
    return isErased
      ? `${key} = ${JSON.stringify(register.value)}, which was erased`
      : this.objection(reader, key, register)
  }

  /** What is wrong with this reader seeing that. */
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
      if (key === OWN) return `${name} is of another browser`
      const heirs = sub === undefined ? undefined : this.#heirs.get(sub)
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
