import type { StoredRegister } from '../../../shared/register.js'
import type { Subject } from '../names/subject.js'
import type { StoredName } from './name.js'

/** A place that keeps what outlives this process: the store. */
export interface Keeper {
  /** Is told what was news here, and did not come from there. */
  keep(subject: StoredName, registers: readonly StoredRegister[]): void
  /**
   * Forgets all that a subject has, but for what is left.
   *
   * @param generation of a user's values. @default the first
   */
  erase(subject: StoredName, left: readonly StoredRegister[], generation?: number): void
  /** Another process has erased what a subject had of that generation: none of it is kept any more, but what is left. */
  abandon(subject: Subject, left: readonly StoredRegister[], generation: number): void
}

/** The other processes of the app. */
export interface Peers {
  /** Whether an adapter connects the processes. That it reaches them now, nothing says. */
  readonly hasAdapter: boolean
  /** Tells them what has been written here. By `name`: a subject, or the connections of a user that are to end. */
  tell(name: string, registers: readonly StoredRegister[]): void
}

/** The open sockets of one process. */
export interface NodeSockets {
  readonly node: string
  readonly sockets: number
  /** Of those subjects that were asked about, as far as they have any. */
  readonly bySubject: ReadonlyMap<string, number>
}

/** The open sockets of the other processes. */
export interface Census {
  /** What they have said lately. */
  readonly others: readonly NodeSockets[]
  /** Asks them. The answers come later. */
  ask(subjects: readonly Subject[]): void
}

/** What is beyond this process, as far as there is any. */
export interface Remote {
  store?: Keeper
  peers?: Peers
  census?: Census
}
