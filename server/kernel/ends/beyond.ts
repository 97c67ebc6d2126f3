// The places beyond this process, the store and the nodes, as the kernel knows them.

import type { StoredRegister } from '../../../shared/register.js'
import type { StoredName } from '../names/stored-name.js'
import type { PartName, Subject } from '../names/subject.js'

/** A place that keeps what outlives this process: the store. */
export interface Keeper {
  /** Keeps what is new here and did not come from there. */
  keep(subject: StoredName, registers: readonly StoredRegister[]): void
  /**
   * Deletes all that a subject has, except what is `left`.
   *
   * @param generation of a user's values. @default the first
   */
  erase(subject: StoredName, left: readonly StoredRegister[], generation?: number): void
  /** Does the same, but leaves nothing of a guest who had nothing stored. */
  eraseGuest(guest: StoredName, left: readonly StoredRegister[]): void
  /** Keeps nothing more of what a subject had of that generation, except what is `left`: another process has erased it. */
  abandon(subject: Subject, left: readonly StoredRegister[], generation: number): void
}

/** The other processes of the app. */
export interface Peers {
  /** Whether an adapter connects the processes. It may not reach them now. */
  readonly hasAdapter: boolean
  /** Tells them what was written here. `name` is a subject, or stands for the connections of a user that are to end. */
  tell(name: string, registers: readonly StoredRegister[]): void
  /** Sends now what would be sent at the end of the turn. */
  flush(): void
}

/** The places beyond this process, as far as there are any. */
export interface Remote {
  store?: Keeper
  peers?: Peers
}

/** An owner of names in the store and between processes. */
export interface NameOwner {
  owns(this: void, name: string): name is PartName
  /** Returns whether what is kept under a name is known to be a user's: what guests leave has to make room. */
  isUsers(name: PartName): boolean
  /** Takes over what another process wrote, or what the store has in place of a write made here: another process may have been faster. */
  take(name: PartName, registers: readonly StoredRegister[], source: 'node' | 'store'): void
}
