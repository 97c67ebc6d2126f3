import type { Replica } from '../../../shared/replica.js'
import type { Subject } from '../names/subject.js'
import type { Visitor } from '../names/visitor.js'

/**
 * What comparing a cookie with the replicas came to, and what that rests on: as long as nothing of it has changed, a
 * request with the same cookie needs no merging, no parsing and no crypto.
 */
export interface Comparison {
  readonly visitor: Visitor
  /** Of each subject of the visitor. */
  readonly found: readonly Found[]
  readonly residency: number
  /** How many ends there had been when nothing of the visitor had ended. */
  ends: number
  /** A cookie written now would carry something else: more, or less, as what was erased may come with a cookie that is good. Found out where it matters. */
  isOutdated: boolean | undefined
}

/** A subject's replica as it was found, if there was one. */
export interface Found {
  readonly subject: Subject
  readonly replica: Replica | undefined
  readonly version: number | undefined
}
