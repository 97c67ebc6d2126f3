import type { Sub } from '../../shared/sub.js'
import { type BrowserId, subjectHash, type UserSubject } from '../ids/subject.js'

/** The maximum number of browsers to remember. */
const MAX = 1000
/** ms: two tabs can alternate between users this fast, but no person can. */
const SOON = 10_000

const TWO_USERS =
  'identify named two users in turn for one browser, whose values reset at each change: expected one user a browser. Two tenants in ' +
  'two tabs need a field with a value per tenant, or an origin each (docs/recipes.md#tenants)'

/** Detects browsers that alternate between two users, for example if `identify` depends on the path, and two tabs are open. */
export class UserAlternations {
  readonly #warn: (message: string) => void
  readonly #clock: () => number
  /** By current browser id, the former user and the time of the change. */
  readonly #former = new Map<BrowserId, readonly [user: Sub, at: number]>()

  constructor(warn: (message: string) => void, clock: () => number) {
    this.#warn = warn
    this.#clock = clock
  }

  /** Records a browser's change from `former` to `user`. Warns if the browser returns to its previous user. */
  record(browser: BrowserId, former: Sub, next: BrowserId, user: UserSubject): void {
    const now = this.#clock()
    const [previous, at = 0] = this.#former.get(browser) ?? []
    if (previous === subjectHash(user) && now - at < SOON) this.#warn(TWO_USERS)
    if (this.#former.size >= MAX) this.#former.clear()
    this.#former.set(next, [former, now])
  }
}
