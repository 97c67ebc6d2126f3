import type { BrowserSubject, UserSubject } from './subject.js'

/** Browsers that are remembered at a time. */
const MAX = 1000

const UNNAMED =
  'identify names a user in the requests of a browser and none in its handshakes, so its sockets are refused: expected in ' +
  'attach(io, { handshake }) all that identify relies on, the same instances as in app.use'

/**
 * Notices that a handshake lacks what `identify` relies on. A browser whose user it does not name is refused, and asks at once, in a
 * request, whose page it is: after a sign-out that names none, either.
 */
export class Disagreements {
  readonly #warn: (message: string) => void
  readonly #refused = new Set<BrowserSubject>()

  constructor(warn: (message: string) => void) {
    this.#warn = warn
  }

  /** A handshake that named no user has brought the cookie of one. */
  refuse(browser: BrowserSubject): void {
    if (this.#refused.size >= MAX) this.#refused.clear()
    this.#refused.add(browser)
  }

  /** A request with such a cookie asks whose page it is. */
  ask(browser: BrowserSubject, user: UserSubject | undefined): void {
    if (this.#refused.delete(browser) && user !== undefined) this.#warn(UNNAMED)
  }
}
