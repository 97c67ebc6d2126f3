import { type BrowserId, type BrowserSubject, type Sub, subjectHash, type UserSubject } from '../subjects/subject.js'

/** The maximum number of browsers to remember. */
const MAX = 1000

const UNNAMED =
  'identify names a user in the requests of a browser and none in its handshakes, so its sockets are refused: expected in ' +
  'attach(io, { handshake }) all that identify relies on, the same instances as in app.use'

/**
 * Detects handshakes that lack the data for `identify`: they bring a user's cookie, but `identify` names a user only in the browser's next
 * request. If that request has no user either, the user has signed out.
 */
export class HandshakeMismatches {
  readonly #warn: (message: string) => void
  readonly #refused = new Set<BrowserSubject>()

  constructor(warn: (message: string) => void) {
    this.#warn = warn
  }

  /** Records a handshake with a user's cookie for which `identify` named no user. */
  recordRefusal(browser: BrowserSubject): void {
    if (this.#refused.size >= MAX) this.#refused.clear()
    this.#refused.add(browser)
  }

  /** Warns if a request of the same browser does name a user. */
  check(browser: BrowserSubject, user: UserSubject | undefined): void {
    if (this.#refused.delete(browser) && user !== undefined) this.#warn(UNNAMED)
  }
}

/** ms: two tabs can alternate between users this fast, but no person can. */
const SOON = 10_000

const TWO_USERS =
  'identify named two users in turn for one browser, whose values reset at each change: expected one user a browser. Two tenants in ' +
  'two tabs need a field with a value per tenant, or an origin each: node_modules/koa-live-session/docs/troubleshooting.md#values-reset-in-turn'

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
