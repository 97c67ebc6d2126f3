import type { ServerResponse } from 'node:http'
import type { ChangeSource } from '../../../shared/change.js'
import type { Awaitable } from '../../../shared/promise.js'
import type { Level } from '../../../shared/protocol.js'
import { newestOf, nextStamp, type Stamp } from '../../../shared/stamp.js'
import { carrying } from '../../../shared/taken-ids.js'
import { onArrival } from '../../kernel/requests/arrival.js'
import type { KnownSession } from './known-session.js'
import { changesOf, checkRoom, RENEWED, type RegisterChanges, type SessionName } from './session-content.js'
import { sessionEnded } from './session-json.js'
import { SessionMemory, type SessionNeeds } from './session-memory.js'
import { beginRounds } from './session-rounds.js'
import { StoredSessions } from './stored-sessions.js'

/** Every session of the app's own that this process knows, and who else is to hear of them. */
export class AppSessions {
  readonly memory: SessionMemory
  readonly #core: SessionNeeds
  readonly #rounds: NodeJS.Timeout
  readonly stored: StoredSessions | undefined
  #isClosed = false

  constructor(core: SessionNeeds) {
    this.#core = core
    this.memory = new SessionMemory(core)
    this.stored = core.store && new StoredSessions(core.store, this.memory, core)
    this.#rounds = beginRounds(this.memory, (name) => this.open(name), core.settings)
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#rounds)
  }

  /** A session that a request or a socket has, as it is by now: memory may have forgotten it, and found it again. None where it has ended. */
  current(session: KnownSession): KnownSession | undefined {
    const current = this.memory.live(session.name) ?? session
    return this.memory.endOf(current) === undefined ? current : undefined
  }

  /**
   * The session of that name, once the store was asked for what is new of it.
   *
   * @throws {LiveSessionError} `store_unavailable` where that does not answer, and nothing is known of the session here
   */
  async open(name: SessionName): Promise<KnownSession | undefined> {
    if (this.memory.isGivenUp(name)) return undefined
    const isCertain = (await this.stored?.ensure(name)) ?? true
    const session = this.memory.live(name)
    if (session) session.usedAt = this.#core.settings.clock()
    // Its time is up.
    else if (isCertain && this.memory.find(name) && !this.memory.isGivenUp(name)) {
      this.memory.end(name, 'expired')
      this.memory.close(name)
      this.#core.remote.store?.erase(name, [])
    }
    return session
  }

  /** Whether there may be a session of that name somewhere. The store is asked for what is new of it. */
  async mayExist(name: SessionName): Promise<boolean> {
    const isCertain = await this.stored?.ensure(name).catch(() => false)
    return !isCertain || this.memory.find(name) !== undefined
  }

  /**
   * Saves what has changed of a session, and begins its time anew.
   *
   * @throws {LiveSessionError} `too_large`, `superseded`, `closed`
   */
  save(session: KnownSession, changes: RegisterChanges, source: ChangeSource): void {
    // A process that is about to end leaves it to another one: no request need fail for that.
    if (this.#isClosed && changes.size === 0) return
    checkRoom(changesOf(session.replica), changes)
    this.write(session, new Map([...changes, [RENEWED, null]]), source)
  }

  /**
   * Writes some registers of a session, with one stamp, newer than anything their keys have seen.
   *
   * @throws {LiveSessionError} `superseded` where it was ended; `closed`
   */
  write(held: Pick<KnownSession, 'name' | 'replica'>, changes: RegisterChanges, source: ChangeSource): Stamp {
    this.#core.sessions.checkOpen()
    if (this.memory.isGivenUp(held.name)) throw sessionEnded()
    const session = this.memory.ensure(held.name)
    // Where memory has forgotten it, it comes back, each value as old as it is.
    const recalled = this.memory.live(held.name) ? [] : session.merge(held.replica.registers(), 'store')
    const now = this.#core.settings.clock()
    session.usedAt = now
    const stamp = nextStamp(now, newestOf([...changes.keys()].map((key) => session.replica.stamp(key))))
    const registers = Array.from(changes, ([key, value]) =>
      carrying({ key, stamp, value }, session.replica.register(key), now),
    )
    const news = [...recalled, ...session.merge(registers, source)]
    this.#core.remote.store?.keep(session.name, news)
    this.#core.remote.peers?.tell(session.name, news)
    const before = this.memory.letGo(session)
    if (before !== undefined) this.#core.store?.parts.prune(session.name, before)
    return stamp
  }

  /** How far the writes of a session have got. */
  level(name: SessionName): Awaitable<Level> {
    return this.#core.store?.level([name]) ?? 'memory'
  }

  /**
   * Gives a session's id up for good, everywhere. Its connections are closed when the answer is out that brings its browser another cookie.
   *
   * @throws {LiveSessionError} `closed`
   */
  destroy(name: SessionName, res: ServerResponse | undefined): void {
    this.#core.sessions.checkOpen()
    this.memory.end(name, 'destroyed')
    this.#core.epochs.giveUp(name, undefined)
    const dismiss = (): void => {
      this.memory.close(name)
      this.#core.epochs.endAgain(name)
    }
    if (res) onArrival(res, dismiss)
    else dismiss()
  }
}
