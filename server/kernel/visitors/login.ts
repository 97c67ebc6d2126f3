import type { Field } from '../../../shared/field.js'
import type { JsonValue } from '../../../shared/json.js'
import { refusePromise } from '../../../shared/promise.js'
import type { StoredRegister } from '../../../shared/register.js'
import { LOGIN_STAMP } from '../../../shared/stamp.js'
import { type BrowserSubject, subjectHash, type UserSubject } from '../names/subject.js'
import type { Visitor } from '../names/visitor.js'
import type { UpToValues } from '../values/up-to-values.js'

/** Characters of the id by which what a guest brings is known to have come along. */
const ID_LENGTH = 22

/** The transfer of what a visitor chose before signing in to the account, field by field as its `onLogin` says. */
export class Login {
  readonly #core: UpToValues

  constructor(core: UpToValues) {
    this.#core = core
  }

  /**
   * Gives a visitor what was chosen in the browser under its last id, at a sign-in or sign-out. That id is given up as well, so that a rule
   * that adds one cart to the other is called once. Where nodes do so at once, what it adds is known by the guest's name, like a computed change
   * by its id: it is in the account once.
   */
  bring(former: BrowserSubject, { user, browserSubject }: Visitor): void {
    const { sessions } = this.#core
    const { fields } = sessions
    const registers = sessions.find(former)?.registers() ?? []
    const own = user === undefined ? registers : registers.filter(({ key }) => isVisitors(fields.get(key), 'browser'))
    sessions.merge(browserSubject, own, 'login')
    if (user === undefined) return
    for (const register of registers) {
      const field = fields.get(register.key)
      if (isVisitors(field, 'user')) this.#transfer(field, register, user, former)
    }
  }

  #transfer(field: Field, register: StoredRegister, user: UserSubject, former: BrowserSubject): void {
    const { sessions, settings } = this.#core
    const rule = field.onLogin
    if (rule === 'drop' || field.isExpired(register.stamp, settings.clock())) return
    if (rule === 'newest') {
      sessions.merge(user, [register], 'login')
      return
    }
    // A deletion has nothing to add to the account.
    if (register.value === undefined) return
    if (rule !== 'account') {
      this.#combine(field, rule, register.value, user, former)
      return
    }
    // The account's own value wins, even if an earlier sign-in brought it along with this very stamp.
    if (!sessions.find(user)?.stamp(field.key)) sessions.merge(user, [{ ...register, stamp: LOGIN_STAMP }], 'login')
  }

  #combine(
    field: Field,
    rule: (account: never, browser: never) => unknown,
    stored: JsonValue,
    user: UserSubject,
    former: BrowserSubject,
  ): void {
    const { sessions, settings } = this.#core
    const browser = field.read(stored)
    // Another node may have brought it already, and have told of the account before it told of the guest.
    const id = subjectHash(former).slice(0, ID_LENGTH)
    if (browser === undefined || sessions.taken(user, field.key, id) !== undefined) return
    const account = sessions.value(field, sessions.find(user))
    try {
      const answer = rule(account as never, browser as never)
      refusePromise(answer, `fields.${field.key}.onLogin`, 'It must answer at once.')
      const combined = field.accept(answer)
      // An account that is unknown here may have a value in the cookie of another device, which must win.
      if (sessions.find(user)?.stamp(field.key))
        sessions.write(new Map([[field, combined]]), { subject: () => user }, 'login', { id })
      else {
        const register = { key: field.key, stamp: LOGIN_STAMP, value: combined, ids: [[id, LOGIN_STAMP]] as const }
        sessions.merge(user, [register], 'login')
      }
    } catch (error) {
      // The account's value stands: a sign-in never fails over a cart.
      settings.report(error)
    }
  }
}

/** What a guest's page may not write is never brought along: the cookie it came with may have been planted. */
function isVisitors(field: Field | undefined, scope: Field['scope']): field is Field {
  return field?.scope === scope && isBrought(field)
}

/** Returns whether a sign-in brings along what a guest has of a field. */
export function isBrought({ access, isUsersOnly }: Field): boolean {
  return access === 'write' && !isUsersOnly
}
