// Decides which registers of the store's answers are valid.

import { readIds } from '../../shared/idempotency-keys.js'
import { freezeJson } from '../../shared/json.js'
import { isRevocation, type LwwRegister } from '../../shared/register.js'
import { isAhead, isStamp, LONGEST_STAMP, NEVER, type Stamp } from '../../shared/stamp.js'
import type { Settings } from '../settings/settings.js'
import type { Store, StoredRegister } from '../types/store.js'

interface Read {
  readonly registers: readonly LwwRegister[]
  /** The stamps of invalid registers, by key. */
  readonly bad: ReadonlyMap<string, Stamp>
}

/** Wraps the app's store. Warns of each invalid register, and treats the register as absent. The next write of the key replaces it. */
export class ValidatedStore {
  readonly #store: Store
  readonly #settings: Pick<Settings, 'clock' | 'warn'>

  constructor(store: Store, settings: Pick<Settings, 'clock' | 'warn'>) {
    this.#store = store
    this.#settings = settings
  }

  /** @throws {TypeError} if the store's answer is not a list */
  async load(name: string): Promise<readonly LwwRegister[]> {
    return this.#read(await this.#store.load(name)).registers
  }

  /** Resolves with the stored registers of these keys after the merge. */
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

  /** Deletes all registers of a name, except revocation registers if the store has `removeValues`. */
  async removeValues(name: string): Promise<void> {
    if (this.#store.removeValues) await this.#store.removeValues(name)
    else await this.#store.remove(name)
  }

  /**
   * Replaces an invalid register by compare-and-set, because a merge would keep an invalid register with a larger stamp. Resolves with the
   * register then stored.
   */
  async #replace(name: string, register: LwwRegister, stamp: Stamp = NEVER): Promise<LwwRegister> {
    if (await this.#store.compareAndSet(name, register, stamp)) return register
    // The compare-and-set failed because another process has replaced the invalid register.
    const [stored] = this.#read(await this.#store.merge(name, [register])).registers
    if (stored) return stored
    throw new Error(`koa-live-session: store: an invalid register could not be replaced: ${register.key}`)
  }

  #read(answer: unknown): Read {
    const bad = new Map<string, Stamp>()
    const registers = validRegisters(answer, this.#settings.clock(), ({ key, stamp, reason }) => {
      if (key !== undefined && stamp !== undefined) bad.set(key, stamp)
      this.#settings.warn(`ignored an invalid register of the store: ${key ?? 'without a key'}: ${reason}`, 'register')
    })
    return { registers, bad }
  }
}

/** An invalid register: its readable members, and why it is invalid. */
export interface InvalidRegister {
  readonly key: string | undefined
  /** The stored stamp, which a compare-and-set expects when it replaces the register; undefined if unreadable. */
  readonly stamp: Stamp | undefined
  readonly reason: string
}

/**
 * Returns a store's answer without validating its registers.
 *
 * @throws {TypeError} if the answer is not a list
 */
function listed(answer: unknown): readonly StoredRegister[] {
  if (Array.isArray(answer)) return answer
  throw new TypeError(`koa-live-session: store: expected a list of registers, received ${typeof answer}`)
}

/**
 * Returns the valid registers of a store's answer. Stored registers may be edited by hand, corrupt, or forged by an attacker with access to
 * the database. An invalid register must not hide the visitor's other values.
 *
 * @throws {TypeError} if the answer is not a list
 */
export function validRegisters(
  answer: unknown,
  now: number,
  onFault: (fault: InvalidRegister) => void,
): readonly LwwRegister[] {
  return listed(answer).flatMap((item: unknown) => {
    const { key, stamp, value, ids: known }: Partial<Record<keyof LwwRegister, unknown>> = Object(item)
    const fault = (reason: string): readonly [] => {
      onFault({
        key: typeof key === 'string' ? key : undefined,
        stamp: isStamp(stamp) ? stamp : undefined,
        reason,
      })
      return []
    }
    if (typeof key !== 'string' || key === '') return fault('expected a key')
    if (!isStamp(stamp)) return fault('expected a safe integer as stamp')
    // A revocation register is valid even with a future stamp, because a revocation must hold. Only the largest stamp is invalid, because
    // no later stamp exists.
    const isFuture = isRevocation({ key }) ? stamp === LONGEST_STAMP : isAhead(stamp, now)
    if (isFuture) return fault('its stamp is in the future. Is a clock ahead?')
    const ids = readIds(known)
    const read = { key, stamp, ...(ids === undefined ? {} : { ids }) }
    try {
      return value === undefined ? read : { ...read, value: freezeJson(value) }
    } catch (error) {
      return fault(error instanceof Error ? error.message : String(error))
    }
  })
}
