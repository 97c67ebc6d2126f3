import type { Subject, UserSubject } from './subject.js'

/** The generation of a user who was never erased. */
export const FIRST_GENERATION = 0

const USER = /^user(?:@(\d{1,16}))?:/

/** Whose values, and which: an erasure ends a generation for good. */
export interface Named {
  readonly user: UserSubject
  readonly generation: number
}

/** How a subject's values are known beyond this process. A user's have another name after each erasure: `user@<generation>:s:ann`. */
export function nameOf<N extends string>(subject: N, generation: number): N | `user@${string}` {
  return generation === FIRST_GENERATION ? subject : `user@${generation}:${subject.slice('user:'.length)}`
}

/** A user's values by that name; undefined where it is none. */
export function readName(name: string): Named | undefined {
  const [prefix, generation = FIRST_GENERATION] = USER.exec(name) ?? []
  if (prefix === undefined) return undefined
  return { user: `user:${name.slice(prefix.length)}` as Subject as UserSubject, generation: Number(generation) }
}
