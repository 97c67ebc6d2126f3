import type { Field } from '../../shared/field.js'
import type { JsonValue } from '../../shared/json.js'
import { refusePromise } from '../../shared/promise.js'
import type { StoredRegister } from '../../shared/register.js'
import { LOGIN_STAMP } from '../../shared/stamp.js'
import type { Sessions } from '../values/sessions.js'
import type { Subjects } from '../values/subjects.js'
import type { Subject } from './subject.js'
import type { Visitor } from './visitor.js'

/** Brings what a visitor chose before signing in into the account, field by field as its `onLogin` says. */
export class Login {
  readonly #sessions: Sessions
  readonly #subjects: Subjects
  readonly #clock: () => number
  readonly #onError: (error: unknown) => void

  constructor(sessions: Sessions, subjects: Subjects, clock: () => number, onError: (error: unknown) => void) {
    this.#sessions = sessions
    this.#subjects = subjects
    this.#clock = clock
    this.#onError = onError
  }

  /**
   * Gives a visitor what a browser chose under an earlier id, named by its hash: from a ticket, or at a sign-in. Each write
   * comes along once, so that a rule which adds one cart to the other may be asked again. Says how many were news.
   */
  bring(former: string, registers: readonly StoredRegister[], { user, browserSubject }: Visitor): number {
    if (registers.length === 0) return 0
    const seen = this.#subjects.open(`browser:former:${former}`)
    const news = registers.filter((register) => seen.merge(register, 'login'))
    const own = user === undefined ? news : news.filter(this.#sessions.isBrowsers)
    if (browserSubject !== undefined) this.#sessions.merge(browserSubject, own, 'login')
    if (user === undefined) return news.length
    for (const register of news) {
      const field = this.#sessions.fields.get(register.key)
      // What only the server may write never crosses: the cookie it came with may have been planted.
      if (field?.access === 'write' && field.scope === 'user') this.#transfer(field, register, user)
    }
    return news.length
  }

  #transfer(field: Field, register: StoredRegister, user: Subject): void {
    const rule = field.onLogin
    if (rule === 'drop' || field.isExpired(register.stamp, this.#clock())) return
    if (rule === 'newest') {
      this.#sessions.merge(user, [register], 'login')
      return
    }
    // A deletion gives the account nothing that it does not have.
    if (register.value === undefined) return
    if (rule !== 'account') {
      this.#combine(field, rule, register.value, user)
      return
    }
    // Also over what an earlier sign-in brought along, at the very same stamp, the account's own wins.
    if (this.#sessions.find(user)?.stamp(field.key)) return
    this.#sessions.merge(user, [{ ...register, stamp: LOGIN_STAMP }], 'login')
  }

  #combine(field: Field, rule: (account: never, browser: never) => unknown, stored: JsonValue, user: Subject): void {
    const browser = field.read(stored)
    if (browser === undefined) return
    const account = this.#sessions.value(field, this.#sessions.find(user))
    try {
      const answer = rule(account as never, browser as never)
      refusePromise(answer, `fields.${field.key}.onLogin`, 'It must answer at once.')
      const combined = field.accept(answer)
      // An account of which nothing is known here may have a value in the cookie of another device: that shall win.
      if (this.#sessions.find(user)?.stamp(field.key))
        this.#sessions.write(new Map([[field, combined]]), () => user, 'login')
      else this.#sessions.merge(user, [{ key: field.key, stamp: LOGIN_STAMP, value: combined }], 'login')
    } catch (error) {
      // The account's value stands: a sign-in never fails over a cart.
      this.#onError(error)
    }
  }
}
