import type { LwwRegister } from '../../shared/register.js'
import { NEVER, type Stamp } from '../../shared/stamp.js'
import type { Core } from '../core.js'
import type { Store } from '../store-types.js'
import { validRegisters } from './rows.js'

/** The parsed answer of a store. */
interface Read {
  readonly registers: readonly LwwRegister[]
  /** The stamps of invalid rows, by key. */
  readonly bad: ReadonlyMap<string, Stamp>
}

/** Wraps the store for all other code: reports invalid rows, treats them as absent, and lets the next write replace them. */
export class ValidatedStore {
  readonly #store: Store
  readonly #core: Core

  constructor(store: Store, core: Core) {
    this.#store = store
    this.#core = core
  }

  /** @throws {TypeError} if the store's answer is not a list */
  async load(name: string): Promise<readonly LwwRegister[]> {
    return this.#read(await this.#store.load(name)).registers
  }

  /** Resolves with the store's registers after the merge, as the store's own `merge` does. */
  async merge(name: string, registers: readonly LwwRegister[]): Promise<readonly LwwRegister[]> {
    if (registers.length === 0) return []
    const { registers: stored, bad } = this.#read(await this.#store.merge(name, registers))
    const refused = registers.filter(({ key }) => bad.has(key))
    const replaced = refused.map((register) => this.#replace(name, register, bad.get(register.key)))
    return [...stored, ...(await Promise.all(replaced))]
  }

  async compareAndSet(name: string, register: LwwRegister, expected: Stamp): Promise<boolean> {
    if (await this.#store.compareAndSet(name, register, expected)) return true
    if (expected !== NEVER) return false
    const stamp = this.#read(await this.#store.load(name)).bad.get(register.key)
    return stamp !== undefined && this.#store.compareAndSet(name, register, stamp)
  }

  async remove(name: string): Promise<void> {
    await this.#store.remove(name)
  }

  /** Replaces an invalid row by compare-and-set, because a merge would keep a larger stamp. Resolves with the store's register. */
  async #replace(name: string, register: LwwRegister, stamp: Stamp = NEVER): Promise<LwwRegister> {
    if (await this.#store.compareAndSet(name, register, stamp)) return register
    // Another process has replaced the row.
    const [stored] = this.#read(await this.#store.merge(name, [register])).registers
    if (stored) return stored
    throw new Error(`koa-live-session: store: an invalid row could not be replaced: ${register.key}`)
  }

  #read(rows: unknown): Read {
    const bad = new Map<string, Stamp>()
    const registers = validRegisters(rows, this.#core.settings.clock(), ({ key, stamp, reason }) => {
      if (key !== undefined && stamp !== undefined) bad.set(key, stamp)
      this.#core.warn(`ignored a row of the store that is no register: ${key ?? 'without a key'}: ${reason}`, 'row')
    })
    return { registers, bad }
  }
}
