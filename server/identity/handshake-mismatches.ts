import type { BrowserSubject, UserSubject } from '../ids/subject.js'

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
