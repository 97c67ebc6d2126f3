import type { BrowserSubject, UserSubject } from '../ids/subject.js'

/** The maximum number of browsers to remember. */
const MAX = 1000

const UNNAMED =
  'identify names a user in the requests of a browser and none in its handshakes, so its sockets are refused: expected in ' +
  'attach(io, { handshake }) all that identify relies on, the same instances as in app.use'

const UNSIGNED =
  'identify did not name the user of a cookie that cookieFor({ userId }) made, so the visitor is another one: expected the request to ' +
  'bring all that identify reads, such as the session cookie of a sign-in'

/**
 * Detects handshakes that lack the data for `identify`: they bring a user's cookie, but `identify` names a user only in the browser's next
 * request. If that request has no user either, the user has signed out. Also detects test requests whose `identify` does not name the
 * cookie's user.
 */
export class HandshakeMismatches {
  readonly #warn: (message: string) => void
  readonly #refused = new Set<BrowserSubject>()
  /** The browsers of test cookies with a user. */
  readonly #ofTests = new Set<BrowserSubject>()

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

  /** Records the browser of a test's cookie with a user. */
  expectUser(browser: BrowserSubject): void {
    this.#ofTests.add(browser)
  }

  /** Warns, once per cookie, if `identify` does not name the user of a test's cookie. */
  missUser(browser: BrowserSubject): void {
    if (this.#ofTests.delete(browser)) this.#warn(UNSIGNED)
  }
}
