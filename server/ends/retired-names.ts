// Remembers retired browser ids and keys of features, in bounded memory.

import type { GuestMemory } from '../memory/guest-memory.js'
import { RotatingCache, type RotatingCacheOptions } from '../memory/rotating-cache.js'
import type { Settings } from '../settings/settings.js'
import type { Revocation } from './validity.js'

/** The minimum capacity for users' retired names: some 150 MB when full, with short user ids. */
const LEAST = 1_000_000
/** Approximate bytes of a name in memory. */
const NAME = 200

/** The settings that bound the memory of ends. */
export type Lifetimes = Pick<Settings, 'maxAge' | 'maxVisitors' | 'clock'>

export interface RetiredName extends Revocation {
  /** The revision at which the name was retired last. */
  readonly revision: number
}

/**
 * Retired browser ids and keys of features, in bounded memory. Keeps each name until the cookies and tickets signed before its end have
 * expired. Guests' names share the memory bound of guests, so they never evict users' names.
 */
export class RetiredNames {
  readonly #users: RotatingCache<RetiredName>
  readonly #guests: RotatingCache<RetiredName>
  readonly #clock: () => number

  constructor(settings: Lifetimes, guestMemory: GuestMemory) {
    const { maxAge, clock } = settings
    this.#clock = clock
    this.#users = RotatingCache.onMap(usersOptions(settings))
    this.#guests = RotatingCache.onMap({ shared: { bytes: guestMemory, weigh: () => NAME }, maxIdle: maxAge, clock })
  }

  get(name: string): RetiredName | undefined {
    const now = this.#clock()
    return this.#users.get(name, now) ?? this.#guests.get(name, now)
  }

  set(name: string, { epoch, rotatedTo, isUsers }: Revocation, revision: number): void {
    const last = this.get(name)
    const isKept = isUsers || last?.isUsers === true
    if (isKept) this.#guests.delete(name)
    const names = isKept ? this.#users : this.#guests
    // The clocks of processes differ, so never decrease the time of a retirement.
    names.set(name, { epoch: Math.max(epoch, last?.epoch ?? epoch), rotatedTo, isUsers: isKept, revision })
  }
}

/** Options of the caches of users' sign-outs and retired names. */
export function usersOptions({
  maxAge,
  maxVisitors,
  clock,
}: Lifetimes): Pick<RotatingCacheOptions, 'max' | 'maxIdle' | 'clock'> {
  return { max: Math.max(LEAST, 10 * maxVisitors), maxIdle: maxAge, clock }
}
