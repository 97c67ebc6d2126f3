// The rule that merges writes of a key: the same in servers, stores and pages.

import { canonicalJson, type JsonValue } from './json.js'

/** The parts of a write that the merge rule compares. */
interface Version {
  readonly stamp: number
  readonly value?: JsonValue | undefined
}

/**
 * Returns whether `next` wins by the only merge rule: the larger stamp wins; on equal stamps the larger canonical JSON text, with a
 * tombstone as the smallest. All replicas decide alike, so the order of messages does not matter.
 */
export function supersedes(next: Version, current: Version): boolean {
  if (next.stamp !== current.stamp) return next.stamp > current.stamp
  if (next.value === current.value) return false
  return canonicalJson(next.value) > canonicalJson(current.value)
}
