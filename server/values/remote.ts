// The interfaces of the store and of the other processes, for the core.

import type { StoredRegister } from '../../shared/register.js'
import type { StoredName } from '../ids/stored-name.js'
import type { FeatureName, Subject } from '../ids/subject.js'

/** Persists registers beyond the life of this process: the store. */
export interface RemoteStore {
  /** Stores registers that are new in this process and did not come from the store. */
  persist(subject: StoredName, registers: readonly StoredRegister[]): void
  /**
   * Deletes a subject's values, and writes the end markers.
   *
   * @param generation the generation of the deleted values. @default the first
   */
  erase(subject: StoredName, endMarkers: readonly StoredRegister[], generation?: number): void
  /** As `erase`, but writes nothing for a guest without stored values. */
  eraseGuest(guest: StoredName, endMarkers: readonly StoredRegister[]): void
  /** Discards the pending writes of a generation that another process has erased. Stores only the end markers. */
  abandon(subject: Subject, endMarkers: readonly StoredRegister[], generation: number): void
}

/** The other processes of the app. */
export interface Peers {
  /** Whether a socket.io adapter connects the processes. Messages may still get lost. */
  readonly hasAdapter: boolean
  /** Broadcasts registers. `name`: a subject's name with its generation (`nameOf`), a `cookieless` name, or a feature's name. */
  broadcast(name: string, registers: readonly StoredRegister[]): void
  /** Sends immediately, instead of at the end of the turn. */
  flush(): void
}

/** The store and the other processes, if there are any. */
export interface Remote {
  store?: RemoteStore
  peers?: Peers
}

/** Handles names other than subjects, in the store and between processes. */
export interface NameHandler {
  handles(this: void, name: string): name is FeatureName
  /** Returns whether the registers under a name belong to a user; if not, they count toward the memory bound of guests. */
  isUsers(name: FeatureName): boolean
  /** Merges registers from another process, or from the store. */
  mergeRemote(name: FeatureName, registers: readonly StoredRegister[], source: 'node' | 'store'): void
}
