import type { ChangeSource } from '../../shared/change.js'
import type { Field } from '../../shared/field.js'
import type { JsonValue } from '../../shared/json.js'
import { type Awaitable, after, isThenable } from '../../shared/promise.js'
import { NEVER, type Stamp, toStamp } from '../../shared/stamp.js'
import type { Core } from '../core.js'
import type { Subject } from '../identity/subject.js'
import type { Generations } from './generations.js'
import { OvertakenError } from './overtaken.js'
import type { Owner, PageSessions } from './sessions.js'

/** A value that a page has computed from the one of a stamp. */
export interface PageUpdate {
  readonly field: Field
  /** The stamp of the value that it was computed from, as the page says. */
  readonly seen: number
  readonly value: JsonValue
  /** Of the page's own making, below 0 where it is sent again. */
  readonly id: number
}

/** Who asks for a change, and how. */
export interface Asker {
  readonly owner: Owner
  readonly source: ChangeSource
  /** Throws where the visitor has gone meanwhile. */
  permit(this: void): void
}

/** What it is done with. */
interface Parts extends Pick<Core, 'store'> {
  readonly sessions: PageSessions
  readonly settings: Pick<Core['settings'], 'clock'>
}

/** What pages compute from a value is taken once, and over that very value. */
export class PageUpdates {
  readonly #core: Parts
  readonly #taken: Pick<Generations<Awaitable<Stamp>>, 'get' | 'set' | 'delete'>

  /** @param taken by subject, key and id: which stamp it got, or is about to get. The answer that says so may be lost. */
  constructor(core: Parts, taken: Pick<Generations<Awaitable<Stamp>>, 'get' | 'set' | 'delete'>) {
    this.#core = core
    this.#taken = taken
  }

  /**
   * The stamp that it got, now or before.
   *
   * @throws {OvertakenError} where the value has been written since
   */
  take(update: PageUpdate, asker: Asker): Awaitable<Stamp> {
    const subject = asker.owner.subject(update.field)
    const name = `${subject} ${update.field.key} ${Math.abs(update.id)}`
    const known = this.#taken.get(name)
    if (known !== undefined) return after(known, (stamp) => this.#confirm(subject, update, stamp, asker))
    const stamp = this.#make(subject, update, asker)
    this.#taken.set(name, stamp)
    // Where it was refused it may come once more, computed anew.
    if (isThenable(stamp)) stamp.catch(() => this.#taken.delete(name))
    return stamp
  }

  /** Memory may have forgotten what it has taken. */
  #confirm(subject: Subject, { field: { key }, value }: PageUpdate, stamp: Stamp, { source, permit }: Asker): Stamp {
    const { sessions } = this.#core
    permit()
    if (sessions.last(subject, key) < stamp) sessions.merge(subject, [{ key, stamp, value }], source)
    return stamp
  }

  #make(subject: Subject, update: PageUpdate, asker: Asker): Awaitable<Stamp> {
    const { sessions, store } = this.#core
    const { field, value } = update
    const { owner, source, permit } = asker
    const seen = update.seen > NEVER ? toStamp(update.seen) : NEVER
    const next = (): JsonValue => {
      this.#mustBeNewest(subject, update)
      return value
    }
    const write = (): Stamp => {
      // What is newest is for this visitor alone to hear.
      permit()
      return sessions.write(new Map([[field, next()]]), owner, source, seen)
    }
    if (!store) return write()
    return store.update(subject, { field, next, permit, source, seen }).then((stamp) => stamp ?? write())
  }

  /** The value from which it was computed has to be the newest still, and one that a server can have given. */
  #mustBeNewest(subject: Subject, { field, seen, id }: PageUpdate): void {
    const { sessions, settings } = this.#core
    const replica = sessions.find(subject)
    const stamp = replica?.stamp(field.key) ?? NEVER
    // A page brings what it has seen. What it says of the future without that would have the next stamps be of there, too.
    if (seen === stamp || (seen > stamp && seen <= settings.clock())) return
    const newest = sessions.read(field, replica)
    // One that is sent again may have been taken by another process, or by this one long ago.
    const code = id < 0 ? 'superseded' : 'conflict'
    throw new OvertakenError(code, field.key, { stamp, ...(newest === undefined ? {} : { value: newest }) })
  }
}
