// Decides which values a sign-in or sign-out transfers to the account and the new browser id.

import type { Field } from '../../shared/field.js'
import { acceptedAt } from '../../shared/idempotency-keys.js'
import { refusePromise } from '../../shared/promise.js'
import type { LwwRegister } from '../../shared/register.js'
import { LOWEST_STAMP } from '../../shared/stamp.js'
import type { Settings } from '../settings/settings.js'
import { type BrowserSubject, subjectHash, type UserSubject } from '../subjects/subject.js'
import type { Visitor } from '../subjects/visitor.js'
import type { Values } from '../values/values.js'

/** The length of the idempotency key of a transfer. */
const ID_LENGTH = 22

/** Transfers a guest's values to the account at a sign-in, each field by its `onLogin` rule. */
export class ValueTransfer {
  readonly #settings: Settings
  readonly #values: Values

  constructor(settings: Settings, values: Values) {
    this.#settings = settings
    this.#values = values
  }

  /**
   * Transfers values from the former browser id at a sign-in or sign-out. That id is retired, so an `onLogin` rule that adds two carts runs
   * once. If several nodes transfer concurrently, the guest's hash as idempotency key ensures that the account gets the sum once.
   */
  transfer(former: BrowserSubject, { user, browserSubject }: Visitor): void {
    const values = this.#values
    const { fields } = values
    const registers = values.find(former)?.registers() ?? []
    const own = user === undefined ? registers : registers.filter(({ key }) => transfersIn(fields.get(key), 'browser'))
    values.merge(browserSubject, own, 'login')
    if (user === undefined) return
    for (const register of registers) {
      const field = fields.get(register.key)
      if (transfersIn(field, 'user')) this.#transferRegister(field, register, user, former)
    }
  }

  #transferRegister(field: Field, register: LwwRegister, user: UserSubject, former: BrowserSubject): void {
    const values = this.#values
    const rule = field.onLogin
    if (rule === 'drop' || field.isExpired(register.stamp, this.#settings.clock())) return
    if (rule === 'newest') {
      values.merge(user, [register], 'login')
      return
    }
    // A deletion adds nothing to the account.
    if (register.value === undefined) return
    if (rule !== 'account') {
      this.#combine(field, rule, register, user, former)
      return
    }
    this.#keep(register, user)
  }

  /** Keeps the account's value, even if an earlier sign-in transferred it with the same stamp. Without one, takes the guest's value. */
  #keep(register: LwwRegister, user: UserSubject): void {
    const values = this.#values
    if (!values.find(user)?.stamp(register.key)) values.merge(user, [{ ...register, stamp: LOWEST_STAMP }], 'login')
  }

  #combine(
    field: Field,
    rule: (account: never, browser: never) => unknown,
    register: LwwRegister,
    user: UserSubject,
    former: BrowserSubject,
  ): void {
    const values = this.#values
    const browser = register.value === undefined ? undefined : field.read(register.value)
    // Another node may have made the transfer, and announced the account's value before the guest's retirement.
    const id = subjectHash(former).slice(0, ID_LENGTH)
    if (browser === undefined || acceptedAt(values.find(user)?.register(field.key), id) !== undefined) return
    const account = values.value(field, values.find(user))
    try {
      const answer = rule(account as never, browser as never)
      refusePromise(answer, `fields.${field.key}.onLogin`, 'It must answer at once.')
      const combined = field.accept(answer)
      // If this process knows no value of the account, writes with the lowest stamp: a value in another device's cookie must win.
      if (values.find(user)?.stamp(field.key))
        values.write(new Map([[field, combined]]), { subject: () => user }, 'login', { id })
      else {
        const sum = { key: field.key, stamp: LOWEST_STAMP, value: combined, ids: [[id, LOWEST_STAMP]] as const }
        values.merge(user, [sum], 'login')
      }
    } catch (error) {
      // An error in a rule must not fail the sign-in, nor lose a guest's value that the account lacks.
      this.#settings.report(error)
      this.#keep(register, user)
    }
  }
}

/**
 * Returns whether a field has this scope and transfers. A field that guests' pages cannot write does not transfer, because the guest's
 * cookie may be planted.
 */
function transfersIn(field: Field | undefined, scope: Field['scope']): field is Field {
  return field?.scope === scope && isTransferred(field)
}

/** Returns whether a guest's value in a tab becomes the user's at a sign-in. */
export function staysInTab(field: Field | undefined): boolean {
  return transfersIn(field, 'tab') && field.onLogin === 'newest'
}

/** Returns whether a sign-in may transfer a guest's value of a field, unless `onLogin` is `'drop'`. */
export function isTransferred({ guestAccess }: Field): boolean {
  return guestAccess === 'write'
}
