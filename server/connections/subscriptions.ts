// Subscribes open sockets to their visitors' changes.

import type { Listener } from '../../shared/change.js'
import type { CookieValues } from '../cookie/cookie-values.js'
import type { Answers } from '../exchange/answer.js'
import type { PageSocket } from '../memory/link.js'
import type { Memory } from '../memory/memory.js'
import type { Connection } from './connections.js'

/** Subscribes sockets to the subjects of their visitors, which stay in memory meanwhile. */
export class Subscriptions {
  readonly #memory: Memory
  readonly #cookieValues: CookieValues
  readonly #answers: Answers

  constructor(memory: Memory, cookieValues: CookieValues, answers: Answers) {
    this.#memory = memory
    this.#cookieValues = cookieValues
    this.#answers = answers
  }

  /** Subscribes a socket, and returns tickets with the values missing in its browser's cookie. */
  add({ owner, identity }: Connection, socket: PageSocket, listener: Listener): readonly string[] {
    const { visitor, cookie, hasCookie } = identity
    // Merges the cookie again, because memory may have evicted its values while the app's own middleware ran.
    if (cookie) this.#cookieValues.ensureMerged(cookie, visitor)
    for (const subject of this.#cookieValues.allSubjects(owner)) {
      const pinned = this.#memory.pin(subject)
      pinned.sockets.add(socket)
      pinned.listeners.add(listener)
    }
    return cookie && hasCookie ? this.#answers.missingIn(cookie, visitor) : []
  }

  remove({ owner }: Connection, socket: PageSocket, listener: Listener): void {
    for (const subject of this.#cookieValues.allSubjects(owner)) {
      const pinned = this.#memory.pinnedOf(subject)
      pinned?.sockets.delete(socket)
      pinned?.listeners.delete(listener)
      this.#memory.unpin(subject)
    }
  }
}
