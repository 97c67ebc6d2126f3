import type { Socket } from 'socket.io'
import type { AnyChange, ChangeSource } from '../../../shared/change.js'
import { type JsonValue, sameJson } from '../../../shared/json.js'
import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import type { Announcements } from '../../kernel/memory/announcements.js'
import { type SessionName, valuesOf } from './session-content.js'
import type { SessionEnd } from './types.js'

/** Is told of a session. */
export interface SessionWatcher {
  changed(change: AnyChange): void
  ended(end: SessionEnd): void
}

type Conn = Socket['conn']

/** What koa-session keeps of one browser, as this process knows it. */
export class KnownSession {
  readonly name: SessionName
  readonly replica: Replica = new Replica()
  /** The connections that keep it in memory, each with what is told over it. */
  readonly holders: Map<Conn, Set<SessionWatcher>> = new Map()
  /** When it was asked for, written to or held last, and when the store was asked for it; ms since 1970. */
  usedAt: number
  loadedAt: number = Number.NEGATIVE_INFINITY
  /** Why it is no more. */
  ended: SessionEnd | undefined
  readonly #announcements: Announcements

  constructor(name: SessionName, now: number, announcements: Announcements) {
    this.name = name
    this.usedAt = now
    this.#announcements = announcements
  }

  /** Takes over what is newer. Answers with what was taken over. */
  merge(registers: readonly StoredRegister[], source: ChangeSource): readonly StoredRegister[] {
    return this.#tell(source, () => registers.filter((register) => this.replica.merge(register, source)))
  }

  /** Lets go of keys that others have let go of. */
  forget(keys: ReadonlySet<string>): void {
    this.#tell('store', () => this.replica.forget(({ key }) => keys.has(key)))
  }

  /** It is no more, and has no values any more. */
  end(end: SessionEnd): void {
    if (this.ended !== undefined) return
    this.ended = end
    this.#tell('job', () => this.replica.clear())
    const watchers = this.#watchers()
    this.#announcements.add(() => {
      for (const watcher of watchers) watcher.ended(end)
    })
  }

  /** Does something, and tells of values that are others then. */
  #tell<T>(source: ChangeSource, act: () => T): T {
    const watchers = this.#watchers()
    if (watchers.length === 0) return act()
    const before = valuesOf(this.replica)
    const result = act()
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

  /** Also those that let go of it before they are told. */
  #watchers(): readonly SessionWatcher[] {
    return Array.from(this.holders.values()).flatMap((some) => [...some])
  }
}
