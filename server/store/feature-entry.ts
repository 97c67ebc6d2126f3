// Defines an entry of a feature's data in memory.

import { Replica } from '../../shared/replica.js'
import type { FeatureKey } from '../subjects/store-key.js'

/** A feature's registers under one name, in memory. */
export class FeatureEntry<N extends FeatureKey = FeatureKey> {
  readonly name: N
  readonly replica: Replica = new Replica()
  /** The last use, in ms since 1970. */
  usedAt: number
  /** Approximate bytes in memory, as last counted. */
  bytes = 0
  readonly #isUsers: boolean

  constructor(name: N, now: number, isUsers: boolean) {
    this.name = name
    this.usedAt = now
    this.#isUsers = isUsers
  }

  /** Whether the registers belong to a user. Guests' entries cannot evict a user's entry. */
  get isUsers(): boolean {
    return this.#isUsers
  }

  /** Whether the entry must stay in memory, such as for open sockets. */
  get isPinned(): boolean {
    return false
  }
}
