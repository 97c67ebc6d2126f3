// Warns if handshakes and requests of a browser contradict each other, or if the app's `identify` contradicts itself.

import { type BrowserId, type BrowserSubject, type Sub, subjectHash, type UserSubject } from '../subjects/subject.js'
import { LENGTH } from './who.js'

/** The maximum number of browsers to remember. */
const MAX = 1000
/** ms: two tabs can alternate between users this fast, but no person can. */
const SOON = 10_000

const UNNAMED =
  'identify names a user in the requests of a browser and none in its handshakes, so its sockets are refused: expected in ' +
  'attach(io, { handshake }) all that identify relies on, the same instances as in app.use'
const TWO_USERS =
  'identify named two users in turn for one browser, whose values reset at each change: expected one user a browser. Two tenants in ' +
  'two tabs need a field with a value per tenant, or an origin each: node_modules/koa-live-session/docs/troubleshooting.md#values-reset-in-turn'

const WITHOUT_COOKIE =
  'the socket of a page brought no live cookie, but its POSTs do, so the page hears of no changes made elsewhere: expected the Cookie header ' +
  'in handshakes. Let the proxy forward it; for a socket on another host, set domain, and pass withCredentials: true to io(): ' +
  'node_modules/koa-live-session/docs/troubleshooting.md#the-socket-lacks-the-cookie'

/** Detects handshakes without what requests have, and an `identify` with contradictory answers for a browser, and warns. */
export class IdentifyChecks {
  readonly #warn: (message: string) => void
  readonly #clock: () => number
  /** The browsers whose handshakes were refused. */
  readonly #refused = new Set<BrowserSubject>()
  /** `who` of the pages whose handshakes brought no cookie. */
  readonly #bare = new Set<string>()
  /** The former user and the time of the change, by the current browser id. */
  readonly #former = new Map<BrowserId, readonly [user: Sub, at: number]>()

  constructor(warn: (message: string) => void, clock: () => number) {
    this.#warn = warn
    this.#clock = clock
  }

  /** Records a handshake with a user's cookie for which `identify` named no user. */
  recordRefusal(browser: BrowserSubject): void {
    if (this.#refused.size >= MAX) this.#refused.clear()
    this.#refused.add(browser)
  }

  /**
   * Warns if `identify` names a user for a request of a refused browser: the handshake lacks data for `identify`. If none is named, the
   * user has signed out.
   */
  checkRefusal(browser: BrowserSubject, user: UserSubject | undefined): void {
    if (this.#refused.delete(browser) && user !== undefined) this.#warn(UNNAMED)
  }

  /** Records a page whose handshake brought no cookie. */
  recordBare(who: string): void {
    // A page may send any text, even a long one.
    if (who.length !== LENGTH) return
    if (this.#bare.size >= MAX) this.#bare.clear()
    this.#bare.add(who)
  }

  /** Warns if the page of a POST with its own cookie had a handshake without one. */
  checkBare(who: string): void {
    if (this.#bare.delete(who)) this.#warn(WITHOUT_COOKIE)
  }

  /**
   * Records a browser's change of user. Warns if the browser soon returns to its previous user, as with two tabs and an `identify` that
   * depends on the path.
   */
  recordChange(browser: BrowserId, former: Sub, next: BrowserId, user: UserSubject): void {
    const now = this.#clock()
    const [previous, at = 0] = this.#former.get(browser) ?? []
    if (previous === subjectHash(user) && now - at < SOON) this.#warn(TWO_USERS)
    if (this.#former.size >= MAX) this.#former.clear()
    this.#former.set(next, [former, now])
  }
}
