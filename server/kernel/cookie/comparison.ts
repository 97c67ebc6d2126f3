import type { Field } from '../../../shared/field.js'
import type { Replica } from '../../../shared/replica.js'
import type { Visitor } from '../names/visitor.js'

/** What comparing a cookie with memory came to. A request with the same cookie needs no merging, no parsing and no crypto. */
export interface Comparison {
  readonly visitor: Visitor
  /** By the scope of the fields that are in them. */
  readonly replicas: Readonly<Record<Field['scope'], Replica | undefined>>
  /** ms since 1970, when a replica that was not used since is due to leave memory. */
  readonly until: number
  /** Whether a cookie written now would say something else: more, or less. Computed on first use. */
  isOutdated: boolean | undefined
}

/** A cookie, and what it was found to be: undefined as soon as anything that it rests on has changed. */
export interface Compared {
  comparison: Comparison | undefined
}

/** Which cookies were compared, by the names of all that their comparisons rest on. */
export class Comparisons {
  readonly #cookies = new Map<string, Set<Compared>>()

  keep(cookie: Compared, comparison: Comparison): void {
    cookie.comparison = comparison
    for (const name of namesOf(comparison)) {
      const cookies = this.#cookies.get(name)
      if (cookies) cookies.add(cookie)
      else this.#cookies.set(name, new Set([cookie]))
    }
  }

  readonly forget = (cookie: Compared): void => {
    for (const name of cookie.comparison ? namesOf(cookie.comparison) : []) {
      const cookies = this.#cookies.get(name)
      cookies?.delete(cookie)
      if (cookies?.size === 0) this.#cookies.delete(name)
    }
    cookie.comparison = undefined
  }

  /** The values of a subject have changed or left memory, or what is signed under a name counts no more. */
  readonly drop = (name: string): void => {
    for (const cookie of this.#cookies.get(name) ?? []) this.forget(cookie)
  }

  /** Discards all comparisons, where it is not known which have changed. */
  readonly dropAll = (): void => {
    for (const name of this.#cookies.keys()) this.drop(name)
  }
}

function namesOf({ visitor: { browserSubject, user, userSub } }: Comparison): readonly string[] {
  return user === undefined || userSub === undefined ? [browserSubject] : [browserSubject, user, userSub]
}
