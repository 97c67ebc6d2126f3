import { isEnd, type StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import { stateOf, toRegister } from '../ends/ending.js'
import { isUser, type Subject } from '../names/subject.js'
import type { UpToVisitors } from '../visitors/up-to-visitors.js'
import type { Backlog } from './backlog.js'

/** The intake of what the store has into memory. It also tells the store what that lacks. */
export class Intake {
  readonly #backlog: Backlog
  readonly #core: UpToVisitors

  constructor(backlog: Backlog, core: UpToVisitors) {
    this.#backlog = backlog
    this.#core = core
  }

  /** Takes over what the store says has ended for a subject. Returns the generation that counts. */
  learn(subject: Subject, all: readonly StoredRegister[]): number {
    const { ending, generation } = stateOf(all)
    const { connections, epochs, sessions } = this.#core
    const isNews = ending !== undefined && epochs.learn(subject, ending)
    sessions.startGeneration(subject, generation)
    if (isNews) connections.endOver(subject, epochs)
    return epochs.generation(subject)
  }

  /** Takes over what the store says. */
  take(subject: Subject, all: readonly StoredRegister[], generation: number): void {
    this.learn(subject, all)
    this.#core.sessions.merge(subject, stateOf(all).registers, 'store', generation)
  }

  /** Takes over what the store has of a subject, and tells it what it lacks. Returns how many registers were news. */
  compare(subject: Subject, all: readonly StoredRegister[], generation: number): number {
    const news = this.#core.sessions.merge(subject, stateOf(all).registers, 'store', generation)
    if (generation === this.#core.epochs.generation(subject)) this.#tell(subject, all)
    return news
  }

  #tell(subject: Subject, all: readonly StoredRegister[]): void {
    const { epochs, sessions } = this.#core
    const end = isUser(subject) ? undefined : epochs.givenUp(subject)
    if (end) {
      if (all.length > 0 && !all.some(isEnd)) this.#backlog.erase(subject, [toRegister(end)])
      return
    }
    const stored = Replica.of(all, 'store')
    const ends = isUser(subject) ? epochs.endsOf(subject) : []
    const isLacking = (register: StoredRegister): boolean => stored.merge(register, 'job')
    // The process that wrote it, and told of it, may have been killed before it could store it.
    const lacking = [...ends, ...(sessions.find(subject)?.registers() ?? [])].filter(isLacking)
    if (lacking.length > 0) this.#backlog.add(subject, lacking)
  }

  /** Restores what the store was not told yet: memory may have evicted it, and may have begun a new replica since. */
  recover(subject: Subject): void {
    if (this.#backlog.size === 0) return
    this.#core.sessions.merge(subject, stateOf(this.#backlog.of(subject)).registers, 'store')
  }
}
