import type { Field } from '../../../shared/field.js'
import type { Replica } from '../../../shared/replica.js'
import type { Visitor } from '../names/visitor.js'

/** What comparing a cookie with memory came to. A request with the same cookie needs no merging, no parsing and no crypto. */
export interface Comparison extends Readonly<Record<Field['scope'], Replica | undefined>> {
  readonly visitor: Visitor
  /** Whether a cookie written now would say something else: more, or less. Computed on first use. */
  isOutdated: boolean | undefined
}

/** A cookie, and what it was found to be: undefined as soon as anything that it rests on has changed. */
export interface Compared {
  comparison: Comparison | undefined
}

/** Which cookies were compared, by the names of all that their comparisons rest on. */
export class Comparisons {
  /** Of nearly all names there is one cookie, and a set would take as much memory as that. */
  readonly #cookies = new Map<string, Compared | Set<Compared>>()

  keep(cookie: Compared, comparison: Comparison): void {
    cookie.comparison = comparison
    for (const name of namesOf(comparison)) {
      const cookies = this.#cookies.get(name)
      if (cookies instanceof Set) cookies.add(cookie)
      else if (cookies === undefined || cookies === cookie) this.#cookies.set(name, cookie)
      else this.#cookies.set(name, new Set([cookies, cookie]))
    }
  }

  /** The values of a subject have changed or left memory, or what is signed under a name counts no more. */
  readonly drop = (name: string): void => {
    forget(this.#cookies.get(name))
    this.#cookies.delete(name)
  }

  /** Discards all comparisons, where it is not known which have changed, or which cookies will be seen again. */
  readonly dropAll = (): void => {
    for (const cookies of this.#cookies.values()) forget(cookies)
    this.#cookies.clear()
  }
}

function forget(cookies: Compared | Set<Compared> | undefined): void {
  const all = cookies instanceof Set ? cookies : cookies ? [cookies] : []
  for (const cookie of all) cookie.comparison = undefined
}

function namesOf({ visitor: { browserSubject, user, userSub } }: Comparison): readonly string[] {
  return user === undefined || userSub === undefined ? [browserSubject] : [browserSubject, user, userSub]
}
