import type { Field } from '../../../shared/field.js'
import type { Replica } from '../../../shared/replica.js'
import type { Visitor } from '../names/visitor.js'

/** The result of comparing a cookie with memory. A request with the same cookie needs no merging, no parsing and no crypto. */
export interface Comparison extends Readonly<Record<Exclude<Field['scope'], 'tab'>, Replica | undefined>> {
  readonly visitor: Visitor
  /** Whether a cookie written now would have other content: more, or less. Computed on first use. */
  isOutdated: boolean | undefined
}

/** A cookie with its comparison, which is undefined as soon as anything that it depends on has changed. */
export interface Compared {
  comparison: Comparison | undefined
}

/** The compared cookies, by the names of all that their comparisons depend on. */
export class Comparisons {
  /** Nearly all names have one cookie, and a set would take as much memory as that. */
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

  /** Discards comparisons when a subject's values have changed or left memory, or what is signed under a name is no longer valid. */
  readonly drop = (name: string): void => {
    forget(this.#cookies.get(name))
    this.#cookies.delete(name)
  }

  /** Discards all comparisons, when it is unknown which have changed, or which cookies will be seen again. */
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
