import type { BrowserSubject, UserSubject } from '../names/subject.js'

/** The number of browsers that are remembered at a time. */
const MAX = 1000

const UNNAMED =
  'identify names a user in the requests of a browser and none in its handshakes, so its sockets are refused: expected in ' +
  'attach(io, { handshake }) all that identify relies on, the same instances as in app.use'

const UNSIGNED =
  'identify did not name the user of a cookie that cookieFor({ userId }) made, so the visitor is another one: expected the request to ' +
  'bring all that identify reads, such as the session cookie of a sign-in'

/**
 * The detection of handshakes that lack what `identify` relies on. A browser is refused if its handshake does not name its user, and at
 * once asks in a request whose page it is: after a sign-out that request names no user either.
 */
export class Disagreements {
  readonly #warn: (message: string) => void
  readonly #refused = new Set<BrowserSubject>()
  /** The browsers of a test, whose cookie names a user. */
  readonly #ofTests = new Set<BrowserSubject>()

  constructor(warn: (message: string) => void) {
    this.#warn = warn
  }

  /** Records that a handshake that named no user has brought a user's cookie. */
  refuse(browser: BrowserSubject): void {
    if (this.#refused.size >= MAX) this.#refused.clear()
    this.#refused.add(browser)
  }

  /** Warns if a request with such a cookie, which asks whose page it is, does name a user. */
  ask(browser: BrowserSubject, user: UserSubject | undefined): void {
    if (this.#refused.delete(browser) && user !== undefined) this.#warn(UNNAMED)
  }

  /** Records that a test has made a user's cookie for a browser. */
  expectUser(browser: BrowserSubject): void {
    this.#ofTests.add(browser)
  }

  /** Warns, once for each cookie, if a test brings a user's cookie, and `identify` does not name that user. */
  missUser(browser: BrowserSubject): void {
    if (this.#ofTests.delete(browser)) this.#warn(UNSIGNED)
  }
}
