import type { Socket } from 'socket.io'
import type { AnyChange, ChangeSource } from '../../../shared/change.js'
import { sameJson } from '../../../shared/json.js'
import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import type { Announcements } from '../../kernel/memory/announcements.js'
import type { SessionName } from './session-name.js'
import { isWhole, keyOf, valuesOf } from './session-registers.js'
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
  readonly #announcements: Announcements
  #end: SessionEnd | undefined

  constructor(name: SessionName, now: number, announcements: Announcements) {
    this.name = name
    this.usedAt = now
    this.#announcements = announcements
  }

  /** Why it is no more. */
  get ended(): SessionEnd | undefined {
    return this.#end
  }

  /** Whether all of it is known. */
  get isWhole(): boolean {
    return isWhole(this.replica)
  }

  /** Takes over what is newer, and tells of values that are others now. Answers with what was taken over. */
  merge(registers: readonly StoredRegister[], source: ChangeSource): readonly StoredRegister[] {
    const changes: AnyChange[] = []
    const news = registers.filter((register) => {
      const previous = this.replica.value(register.key)
      if (!this.replica.merge(register, source)) return false
      const key = keyOf(register.key)
      if (key !== undefined && !sameJson(register.value, previous))
        changes.push({ key, value: register.value, previous, source })
      return true
    })
    this.#tell(changes)
    return news
  }

  /** Lets go of keys that others have let go of. */
  forget(keys: ReadonlySet<string>): void {
    const gone = this.replica.registers().filter(({ key }) => keys.has(key))
    this.replica.forget(({ key }) => keys.has(key))
    this.#tell(
      gone.flatMap(({ key: own, value: previous }) => {
        const key = keyOf(own)
        return key === undefined || previous === undefined ? [] : [{ key, value: undefined, previous, source: 'store' }]
      }),
    )
  }

  /** It is no more, and has no values any more. */
  end(end: SessionEnd): void {
    if (this.#end !== undefined) return
    this.#end = end
    const gone = valuesOf(this.replica)
    this.replica.clear()
    this.#tell(Array.from(gone, ([key, previous]) => ({ key, value: undefined, previous, source: 'job' })))
    const watchers = this.#watchers()
    this.#announcements.add(() => {
      for (const watcher of watchers) watcher.ended(end)
    })
  }

  #tell(changes: readonly AnyChange[]): void {
    const watchers = this.#watchers()
    const tell = (change: AnyChange): void => {
      for (const watcher of watchers) watcher.changed(change)
    }
    if (watchers.length > 0) for (const change of changes) this.#announcements.change(this, change, tell)
  }

  /** Also those that let go of it before they are told. */
  #watchers(): readonly SessionWatcher[] {
    return Array.from(this.holders.values()).flatMap((some) => [...some])
  }
}
