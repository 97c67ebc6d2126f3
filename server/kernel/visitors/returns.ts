import type { Sub } from '../../../shared/sub.js'
import { type BrowserId, subjectHash, type UserSubject } from '../names/subject.js'

/** The number of browsers that are remembered at a time. */
const MAX = 1000
/** ms within which no person signs out, in as another user, and in again. Two tabs do. */
const SOON = 10_000

const TWO_USERS =
  'identify named two users in turn for one browser, whose values reset at each change: expected one user a browser. Two tenants in ' +
  'two tabs need a field with a value per tenant, or an origin each (docs/recipes.md#tenants)'

/** The detection of browsers that change hands back and forth: `identify` depends on the path, for example, and two tabs are open. */
export class Returns {
  readonly #warn: (message: string) => void
  readonly #clock: () => number
  /** The former user of each browser id, and when the id was made. */
  readonly #former = new Map<BrowserId, readonly [user: Sub, at: number]>()

  constructor(warn: (message: string) => void, clock: () => number) {
    this.#warn = warn
    this.#clock = clock
  }

  /** Records that a browser of one user gets another id for the next one. Warns if that user had it right before. */
  record(browser: BrowserId, owner: Sub, next: BrowserId, user: UserSubject): void {
    const now = this.#clock()
    const [former, at = 0] = this.#former.get(browser) ?? []
    if (former === subjectHash(user) && now - at < SOON) this.#warn(TWO_USERS)
    if (this.#former.size >= MAX) this.#former.clear()
    this.#former.set(next, [owner, now])
  }
}
