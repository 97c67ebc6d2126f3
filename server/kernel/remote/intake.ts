import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import type { Connections } from '../connections/connections.js'
import type { Subjects } from '../memory/subjects.js'
import { erasure, joined, standing, toEnding } from '../names/ending.js'
import type { Epochs } from '../names/epochs.js'
import { isUser, type Subject } from '../names/subject.js'
import type { Sessions } from '../values/sessions.js'
import type { Backlog } from './backlog.js'
import type { Remote } from './remote.js'
import { applyRemoteEnd } from './remote-ends.js'

type Surroundings = {
  readonly connections: Connections
  readonly remote: Remote
  readonly epochs: Epochs
  readonly sessions: Sessions
  readonly subjects: Subjects
}

/** Takes what the store has over into memory, and has the store told of what it lacks. */
export class Intake {
  readonly #backlog: Backlog
  readonly #core: Surroundings

  constructor(backlog: Backlog, core: Surroundings) {
    this.#backlog = backlog
    this.#core = core
  }

  /** Takes over what the store says. */
  take(subject: Subject, all: readonly StoredRegister[]): void {
    const { registers, ending } = standing(all)
    if (ending) {
      const erased = this.#core.epochs.learn(subject, toEnding(ending))
      if (erased !== undefined) applyRemoteEnd(this.#core, subject, erased)
      this.#erase(subject, ending)
    }
    this.#core.sessions.merge(subject, registers, 'store')
  }

  /** Takes over what the store has of a subject, and tells it what it lacks. */
  compare(subject: Subject, all: readonly StoredRegister[]): void {
    this.take(subject, all)
    const { epochs, sessions, subjects } = this.#core
    if (subjects.holding(subject)?.isFleeting || (!isUser(subject) && epochs.isGivenUp(subject))) return
    const stored = Replica.of(all, 'store')
    sessions.merge(subject, this.#outlived(subject, stored), 'store')
    const isLacking = (register: StoredRegister): boolean => stored.merge(register, 'job')
    // The process that wrote it, and told of it, may have been killed before it could store it.
    const lacking = (sessions.find(subject)?.registers() ?? []).filter(isLacking)
    if (lacking.length > 0) this.#backlog.add(subject, lacking)
  }

  /** What the store was not told of yet, memory may have forgotten, also where it has begun anew since. */
  recover(subject: Subject): void {
    if (this.#backlog.size === 0) return
    this.#core.sessions.merge(subject, standing(this.#backlog.of(subject)).registers, 'store')
  }

  /** Has the store say until when a user was erased, where an end stands there of a process that had not heard of it. */
  #erase(subject: Subject, ending: StoredRegister): void {
    const erased = this.#core.epochs.erasedUntil(subject)
    if (toEnding(ending).erased < erased) this.#backlog.add(subject, [joined(erasure(erased), ending)])
  }

  /** Deletes what a process has stored after an erasure that it had not heard of. */
  #outlived(subject: Subject, stored: Replica): readonly StoredRegister[] {
    const { epochs, sessions } = this.#core
    const erased = epochs.erasedUntil(subject)
    const gone = standing(stored.registers()).registers.filter(({ stamp }) => stamp <= erased)
    return gone.map(({ key }) => ({ key, stamp: sessions.firstStamp(subject) }))
  }
}
