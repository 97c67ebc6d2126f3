import type { GuestBytes } from '../memory/guest-bytes.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import { isCookieless } from '../names/subject.js'
import type { Ending } from './ending.js'

/** Names of users that are remembered, however many logouts there are: some 150 MB at worst, with short user ids. */
const LEAST = 1_000_000
/** Approximate bytes of a name, with its place in memory. */
const NAME = 200

export interface GivenUp extends Ending {
  /** Its number among all ends that this process has seen. */
  readonly order: number
}

export interface GivenUpOptions {
  /** ms for which cookies and tickets are valid: what was given up earlier need not be remembered. */
  readonly maxAge: number
  readonly maxSubjects: number
  readonly guestBytes: GuestBytes
  readonly clock: () => number
}

/**
 * Browser ids, and other names of connections and sessions, that are no longer valid. Bounded: sign-ins and logouts add to it. Those of
 * guests make room like all else that guests leave, and never for those of users.
 */
export class GivenUpNames {
  readonly #users: RotatingCache<GivenUp>
  readonly #guests: RotatingCache<GivenUp>

  constructor({ maxAge, maxSubjects, guestBytes: bytes, clock }: GivenUpOptions) {
    this.#users = RotatingCache.onMap({ max: Math.max(LEAST, 10 * maxSubjects), maxIdle: maxAge, clock })
    this.#guests = RotatingCache.onMap({ shared: { bytes, weigh: () => NAME }, maxIdle: maxAge, clock })
  }

  get(name: string): GivenUp | undefined {
    return this.#users.get(name) ?? this.#guests.get(name)
  }

  set(name: string, { epoch, heir, isUsers }: Ending, order: number): void {
    const last = this.get(name)
    const isKept = isUsers || isCookieless(name) || this.#users.get(name) !== undefined
    if (isKept) this.#guests.delete(name)
    const names = isKept ? this.#users : this.#guests
    // The clocks of processes differ: an end is never told of as earlier than it was.
    names.set(name, { epoch: Math.max(epoch, last?.epoch ?? epoch), heir, isUsers: isKept, order })
  }
}
