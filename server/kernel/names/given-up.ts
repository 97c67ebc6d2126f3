import { RotatingCache } from '../memory/rotating-cache.js'
import type { Ending } from './ending.js'
import type { UserSubject } from './subject.js'

/** Names that are remembered, whatever flood of logouts comes: some 150 MB at the worst, with short user ids. */
const LEAST = 1_000_000

export interface GivenUp extends Pick<Ending, 'epoch'> {
  /** Which end it was of all that this process has seen. */
  readonly order: number
  /** The user who has signed in there, where one has. */
  readonly heir: UserSubject | undefined
}

export interface GivenUpOptions {
  /** ms that cookies and tickets are good for: what was given up before that needs no remembering. */
  readonly maxAge: number
  readonly maxSubjects: number
  readonly clock: () => number
}

/** Browser ids, and other names of connections, that are no longer valid. They end at each sign-in and logout: a flood of those must not fill the memory. */
export function givenUpNames({ maxAge, maxSubjects, clock }: GivenUpOptions): RotatingCache<GivenUp> {
  return RotatingCache.onMap({ max: Math.max(LEAST, 10 * maxSubjects), maxIdle: maxAge, clock })
}
