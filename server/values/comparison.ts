import type { Replica } from '../../shared/replica.js'
import type { Visitor } from '../identity/visitor.js'

/**
 * What comparing a cookie with the replicas came to, and what that rests on: as long as nothing of it has changed, a
 * request with the same cookie needs no merging, no parsing and no crypto.
 */
export interface Comparison {
  readonly visitor: Visitor
  /** The replica of the user, else of the browser. */
  readonly replica: Replica | undefined
  readonly version: number | undefined
  /** The browser's own, where a user is signed in and browsers have fields. */
  readonly ownReplica: Replica | undefined
  readonly ownVersion: number | undefined
  readonly residency: number
  /** The cookie lacks what a cookie written now would carry. */
  readonly isBehind: boolean
}
