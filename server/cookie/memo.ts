// Memoizes the visitors and replicas of verified cookies, and drops memos after changes, evictions and revocations.

import type { Field } from '../../shared/field.js'
import type { Replica } from '../../shared/replica.js'
import type { Ends } from '../ends/ends.js'
import type { Memory } from '../memory/memory.js'
import type { Visitor } from '../subjects/visitor.js'

/**
 * The visitor and the replicas of a verified cookie. With this memo, later requests with the same cookie skip merging, parsing and crypto.
 */
export interface CookieMemo extends Readonly<Record<Exclude<Field['scope'], 'tab'>, Replica | undefined>> {
  readonly visitor: Visitor
  /** Whether a cookie written now would differ from this cookie. Computed on first use. */
  isOutdated: boolean | undefined
}

/**
 * A cookie with its memo. A change or eviction of a replica drops the memo, as does a revocation of the user or a retirement of the browser
 * id.
 */
export interface MemoizedCookie {
  memo: CookieMemo | undefined
}

/** Indexes the memoized cookies by the names that their memos depend on. */
export class CookieMemos {
  /** By name. A single cookie is stored without a set, which would take as much memory as the cookie. */
  readonly #cookies = new Map<string, MemoizedCookie | Set<MemoizedCookie>>()

  constructor(memory: Memory, ends: Ends) {
    memory.watch({ changed: (subject) => this.#drop(subject), dropped: () => this.dropAll() })
    ends.watch({ ended: (name) => this.#drop(name) })
  }

  add(cookie: MemoizedCookie, memo: CookieMemo): void {
    cookie.memo = memo
    for (const name of namesOf(memo)) {
      const cookies = this.#cookies.get(name)
      if (cookies instanceof Set) cookies.add(cookie)
      else if (cookies === undefined || cookies === cookie) this.#cookies.set(name, cookie)
      else this.#cookies.set(name, new Set([cookies, cookie]))
    }
  }

  /** Discards memos after a subject's values changed or were evicted, or after a revocation under this name. */
  #drop(name: string): void {
    forget(this.#cookies.get(name))
    this.#cookies.delete(name)
  }

  /** Discards all memos, because an eviction of replicas or cookies may affect any of them. */
  dropAll(): void {
    for (const cookies of this.#cookies.values()) forget(cookies)
    this.#cookies.clear()
  }
}

function forget(cookies: MemoizedCookie | Set<MemoizedCookie> | undefined): void {
  const all = cookies instanceof Set ? cookies : cookies ? [cookies] : []
  for (const cookie of all) cookie.memo = undefined
}

function namesOf({ visitor: { browserSubject, user, userSub } }: CookieMemo): readonly string[] {
  return user === undefined || userSub === undefined ? [browserSubject] : [browserSubject, user, userSub]
}
