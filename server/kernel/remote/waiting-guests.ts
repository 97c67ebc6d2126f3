import { isSubject, isUser } from '../names/subject.js'
import type { StoredName } from './name.js'

/** The guests' writes that wait for the store. Their bytes are limited, as one stranger can be any number of guests. */
export class WaitingGuests {
  readonly #maxBytes: number
  /** Those who have waited longest come first. */
  readonly #bytes = new Map<StoredName, number>()
  #sum = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Records how many bytes of a guest wait. Yields the guests for whom there is no room, who no longer wait. */
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
