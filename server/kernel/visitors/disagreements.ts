import type { BrowserSubject, UserSubject } from '../names/subject.js'

/** The number of browsers that are remembered at a time. */
const MAX = 1000

const UNNAMED =
  'identify names a user in the requests of a browser and none in its handshakes, so its sockets are refused: expected in ' +
  'attach(io, { handshake }) all that identify relies on, the same instances as in app.use'

/**
 * The detection of handshakes that lack what `identify` relies on. A browser is refused if its handshake does not name its user, and at
 * once asks in a request whose page it is: after a sign-out that request names no user either.
 */
export class Disagreements {
  readonly #warn: (message: string) => void
  readonly #refused = new Set<BrowserSubject>()

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
}
