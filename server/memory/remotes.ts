// The receivers of this process's new registers: the store, and the app's other processes.

import type { LwwRegister } from '../../shared/register.js'
import type { StoreKey } from '../subjects/store-key.js'
import type { Subject } from '../subjects/subject.js'

/** The store, for new registers and for ends. `StoreClient` describes the members. */
interface RemoteStore {
  persist(name: StoreKey, registers: readonly LwwRegister[]): void
  persistAfter(first: Promise<unknown>, name: StoreKey, registers: readonly LwwRegister[]): Promise<void>
  clear(name: StoreKey, revocationRegisters: readonly LwwRegister[], generation?: number): void
  clearGuest(guest: StoreKey, revocationRegisters: readonly LwwRegister[]): void
  discard(subject: Subject, revocationRegisters: readonly LwwRegister[], generation: number): void
}

/** The other processes. `Nodes` describes the members. */
interface RemoteNodes {
  readonly hasAdapter: boolean
  broadcast(name: string, registers: readonly LwwRegister[]): void
  flush(): void
  learntLate(subject: Subject): void
}

/** The store and the other processes, created after the parts that use them: the core sets `store`, and `attach` sets `nodes`. */
export interface Remotes {
  /** Undefined without the option `store`. */
  store: RemoteStore | undefined
  /** Undefined before `attach`. */
  nodes: RemoteNodes | undefined
}
