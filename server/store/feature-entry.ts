// Defines an entry of a feature's data in memory.

import type { LwwRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import type { FeatureKey } from '../subjects/store-key.js'
import type { UserSubject } from '../subjects/subject.js'

/** A feature's registers under one name, in memory. */
export class FeatureEntry<N extends FeatureKey = FeatureKey> {
  readonly name: N
  readonly replica: Replica = new Replica()
  /** The last use, in ms since 1970. */
  usedAt: number
  /** Approximate bytes in memory, as last counted. */
  bytes = 0

  constructor(name: N, now: number) {
    this.name = name
    this.usedAt = now
  }

  /** Whether the registers belong to a user. Guests' entries cannot evict a user's entry. */
  get isUsers(): boolean {
    return true
  }

  /** Whether the entry must stay in memory, such as for open sockets. */
  get isPinned(): boolean {
    return false
  }
}

/** A titled list for the inspector. Its texts are untrusted: visitors may have chosen them. */
export type InspectorSection = Readonly<{ title: string; texts: readonly string[] }>

/** Any feature's data, as the store client, the nodes and the inspector use it. */
export interface AnyFeatureData {
  handles(this: void, name: string): name is FeatureKey
  isUsers(name: FeatureKey): boolean
  mergeRemote(name: FeatureKey, registers: readonly LwwRegister[], source: 'node' | 'store'): void
  sectionOf(user: UserSubject): InspectorSection | undefined
}

/** Returns the feature data that handles this key; undefined if none does. */
export function dataOf(all: readonly AnyFeatureData[], key: string): AnyFeatureData | undefined {
  return all.find(({ handles }) => handles(key))
}
