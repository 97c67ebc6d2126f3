import type { Socket } from 'socket.io'
import type { AnyChange, ChangeSource } from '../../../shared/change.js'
import { type JsonValue, sameJson } from '../../../shared/json.js'
import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import type { Announcements } from '../../kernel/memory/announcements.js'
import type { UserSubject } from '../../kernel/names/subject.js'
import { type SessionName, valuesOf } from './session-content.js'
import type { SessionEnd } from './types.js'

/** A listener to a session. */
export interface SessionWatcher {
  changed(change: AnyChange): void
  ended(end: SessionEnd): void
}

type Conn = Socket['conn']

/** A browser's koa-session, as this process knows it. */
export class KnownSession {
  readonly name: SessionName
  readonly replica: Replica = new Replica()
  /** The connections that keep it in memory, each with its watchers. */
  readonly holders: Map<Conn, Set<SessionWatcher>> = new Map()
  /** When it was last asked for, written to or held; ms since 1970. */
  usedAt: number
  /** Whose request came with it last, and in which hour since 1970. */
  seen: { readonly user: UserSubject | undefined; readonly hour: number } | undefined
  /** Whether a request that came with it was a user's. */
  isUsers = false
  /** Why it has ended. */
  ended: SessionEnd | undefined
  readonly #announcements: Announcements
  readonly #grown: (session: KnownSession, bytes: number) => void

  /** @param grown called with how many more bytes it takes */
  constructor(
    name: SessionName,
    now: number,
    announcements: Announcements,
    grown: (session: KnownSession, bytes: number) => void,
  ) {
    this.name = name
    this.usedAt = now
    this.#announcements = announcements
    this.#grown = grown
  }

  /** Applies registers that are newer, and returns those. */
  merge(registers: readonly StoredRegister[], source: ChangeSource): readonly StoredRegister[] {
    return this.#tell(source, () => registers.filter((register) => this.replica.merge(register, source)))
  }

  /** Forgets keys that others have forgotten. */
  forget(keys: ReadonlySet<string>): void {
    this.#tell('store', () => this.replica.forget(({ key }) => keys.has(key)))
  }

  /** Ends it, and removes its values. */
  end(end: SessionEnd): void {
    if (this.ended !== undefined) return
    this.ended = end
    this.#tell('job', () => this.replica.clear())
    const watchers = this.#watchers()
    this.#announcements.add(() => {
      for (const watcher of watchers) watcher.ended(end)
    })
  }

  /** Runs `act`, and tells watchers of values that have changed. */
  #tell<T>(source: ChangeSource, act: () => T): T {
    const watchers = this.#watchers()
    if (watchers.length === 0) return this.#weigh(act)
    const before = valuesOf(this.replica)
    const result = this.#weigh(act)
    const now = valuesOf(this.replica)
    const tell = (change: AnyChange): void => {
      for (const watcher of watchers) watcher.changed(change)
    }
    for (const key of new Set([...before.keys(), ...now.keys()])) {
      const [value, previous]: (JsonValue | undefined)[] = [now.get(key), before.get(key)]
      if (!sameJson(value, previous)) this.#announcements.change(this, { key, value, previous, source }, tell)
    }
    return result
  }

  #weigh<T>(act: () => T): T {
    const { bytes } = this.replica
    const result = act()
    this.#grown(this, this.replica.bytes - bytes)
    return result
  }

  /** Including those that may leave before they are told. */
  #watchers(): readonly SessionWatcher[] {
    return Array.from(this.holders.values()).flatMap((some) => [...some])
  }
}
