import type { Field } from '../../shared/field.js'
import type { JsonValue } from '../../shared/json.js'
import { refusePromise } from '../../shared/promise.js'
import type { StoredRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import { LOGIN_STAMP, NEVER, newestOf, type Stamp } from '../../shared/stamp.js'
import type { Sub } from '../../shared/sub.js'
import type { Core } from '../core.js'
import { Generations } from '../values/generations.js'
import { RECENTLY } from './recent.js'
import type { UserSubject } from './subject.js'
import type { Visitor } from './visitor.js'

/** Brings what a visitor chose before signing in into the account, field by field as its `onLogin` says. */
export class Login {
  readonly #core: Pick<Core, 'sessions' | 'settings'>
  /** What has crossed from each former subject: parallel requests do not know of each other's cookies. */
  readonly #crossed: Generations<Replica>

  constructor(core: Pick<Core, 'sessions' | 'settings'>) {
    this.#core = core
    const { maxSubjects, clock } = core.settings
    this.#crossed = Generations.onMap({ max: maxSubjects, maxIdle: RECENTLY, clock })
  }

  /**
   * Gives a visitor what a browser chose under an earlier id: from a ticket, or at a sign-in or sign-out. Each write comes along
   * once, so that a rule which adds one cart to the other may be asked again. Says how many were news.
   *
   * @param joined stamp of the newest write that such a rule has been asked about, by another process or before a restart
   */
  bring(
    former: Sub,
    registers: readonly StoredRegister[],
    { user, browserSubject }: Visitor,
    joined: Stamp = NEVER,
  ): number {
    if (registers.length === 0) return 0
    const { sessions } = this.#core
    const { fields } = sessions
    const crossed = this.#crossed.ensure(former, () => new Replica())
    const news = registers.filter((register) => crossed.merge(register, 'login'))
    const own = user === undefined ? news : news.filter(({ key }) => isVisitors(fields.get(key), 'browser'))
    sessions.merge(browserSubject, own, 'login')
    if (user === undefined) return news.length
    for (const register of news) {
      const field = fields.get(register.key)
      // All other rules come to the same when they are asked again.
      const isDue = !isJoined(field) || register.stamp > joined
      if (isVisitors(field, 'user') && isDue) this.#transfer(field, register, user)
    }
    return news.length
  }

  /** The newest write from there that a rule was asked about which may be asked but once, as far as is remembered. */
  joined(former: Sub): Stamp {
    const registers = this.#crossed.get(former)?.registers() ?? []
    const joined = registers.filter(({ key }) => isJoined(this.#core.settings.fields.get(key)))
    return newestOf(joined.map(({ stamp }) => stamp))
  }

  #transfer(field: Field, register: StoredRegister, user: UserSubject): void {
    const { sessions, settings } = this.#core
    const rule = field.onLogin
    if (rule === 'drop' || field.isExpired(register.stamp, settings.clock())) return
    if (rule === 'newest') {
      sessions.merge(user, [register], 'login')
      return
    }
    // A deletion gives the account nothing that it does not have.
    if (register.value === undefined) return
    const stamp = broughtAt(register, field, sessions.firstStamp(user))
    if (rule !== 'account') {
      this.#combine(field, rule, register.value, { user, stamp })
      return
    }
    // Also over what an earlier sign-in brought along, at the very same stamp, the account's own wins.
    if (sessions.find(user)?.stamp(field.key)) return
    sessions.merge(user, [{ ...register, stamp }], 'login')
  }

  #combine(
    field: Field,
    rule: (account: never, browser: never) => unknown,
    stored: JsonValue,
    { user, stamp }: { readonly user: UserSubject; readonly stamp: Stamp },
  ): void {
    const { sessions, settings } = this.#core
    const browser = field.read(stored)
    if (browser === undefined) return
    const account = sessions.value(field, sessions.find(user))
    try {
      const answer = rule(account as never, browser as never)
      refusePromise(answer, `fields.${field.key}.onLogin`, 'It must answer at once.')
      const combined = field.accept(answer)
      // An account of which nothing is known here may have a value in the cookie of another device: that shall win.
      if (sessions.find(user)?.stamp(field.key))
        sessions.write(new Map([[field, combined]]), { subject: () => user }, 'login')
      else sessions.merge(user, [{ key: field.key, stamp, value: combined }], 'login')
    } catch (error) {
      // The account's value stands: a sign-in never fails over a cart.
      settings.report(error)
    }
  }
}

/** In an account that was erased the first stamp is a date, of which a value that ages could be past at once: it ages from its own. */
function broughtAt({ stamp }: StoredRegister, { maxAge }: Field, first: Stamp): Stamp {
  return first === LOGIN_STAMP || maxAge === undefined ? first : newestOf([first, stamp])
}

/** What only the server may write never crosses to a user: the cookie it came with may have been planted. */
function isVisitors(field: Field | undefined, scope: Field['scope']): field is Field {
  return field?.access === 'write' && field.scope === scope
}

/** Whether the rule is the app's own, which may add one value to the other. */
function isJoined(field: Field | undefined): boolean {
  return typeof field?.onLogin === 'function'
}
