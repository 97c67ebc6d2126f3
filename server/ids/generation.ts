// Derives a user's name in stores and messages from the generation, and parses such names.

import type { Subject, UserSubject } from './subject.js'

/** The generation of a user who was never erased. */
export const FIRST_GENERATION = 0

const USER = /^user(?:@(\d{1,16}))?:/

/** A user and a generation of their values. An erasure starts the next generation, which invalidates older values. */
export interface Named {
  readonly user: UserSubject
  readonly generation: number
}

/** Returns a subject's name outside this process. A user's name changes with each erasure: `user@<generation>:s:ann`. */
export function nameOf<N extends string>(subject: N, generation: number): N | `user@${string}` {
  return generation === FIRST_GENERATION ? subject : `user@${generation}:${subject.slice('user:'.length)}`
}

/** Returns the user and the generation in a name; undefined for other names. */
export function readName(name: string): Named | undefined {
  const [prefix, generation = FIRST_GENERATION] = USER.exec(name) ?? []
  if (prefix === undefined) return undefined
  return { user: `user:${name.slice(prefix.length)}` as Subject as UserSubject, generation: Number(generation) }
}
