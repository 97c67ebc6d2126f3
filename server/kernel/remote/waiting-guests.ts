import { isSubject, isUser } from '../names/subject.js'
import type { StoredName } from './name.js'

/** How much of what guests have set waits for the store. Any stranger may be as many guests as they like, so that is bounded. */
export class WaitingGuests {
  readonly #maxBytes: number
  /** Those who have waited for longest first. */
  readonly #bytes = new Map<StoredName, number>()
  #sum = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Takes note of how many bytes of a guest wait. Answers with those for whom there is no room, who wait no more. */
  *note(subject: StoredName, bytes: number): Generator<StoredName> {
    if (!isSubject(subject) || isUser(subject)) return
    this.#account(subject, bytes)
    for (const guest of this.#bytes.keys()) {
      if (this.#sum <= this.#maxBytes) return
      this.#account(guest, 0)
      yield guest
    }
  }

  #account(guest: StoredName, bytes: number): void {
    this.#sum += bytes - (this.#bytes.get(guest) ?? 0)
    if (bytes > 0) this.#bytes.set(guest, bytes)
    else this.#bytes.delete(guest)
  }
}
