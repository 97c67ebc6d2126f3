import { RotatingCache } from '../memory/rotating-cache.js'
import type { Ending } from './ending.js'
import type { UserSubject } from './subject.js'

/** Names that are remembered, however many logouts there are: some 150 MB at worst, with short user ids. */
const LEAST = 1_000_000

export interface GivenUp extends Pick<Ending, 'epoch'> {
  /** Its number among all ends that this process has seen. */
  readonly order: number
  /** The user who signed in there, if one did. */
  readonly heir: UserSubject | undefined
}

export interface GivenUpOptions {
  /** ms for which cookies and tickets are valid: what was given up earlier need not be remembered. */
  readonly maxAge: number
  readonly maxSubjects: number
  readonly clock: () => number
}

/** Creates the cache of browser ids, and other names of connections, that are no longer valid. Bounded: sign-ins and logouts add to it. */
export function givenUpNames({ maxAge, maxSubjects, clock }: GivenUpOptions): RotatingCache<GivenUp> {
  return RotatingCache.onMap({ max: Math.max(LEAST, 10 * maxSubjects), maxIdle: maxAge, clock })
}
