import type { ServerResponse } from 'node:http'
import type { ChangeSource } from '../../../shared/change.js'
import { isWithin } from '../../../shared/ms.js'
import type { Awaitable } from '../../../shared/promise.js'
import type { Level } from '../../../shared/protocol.js'
import { newestOf, nextStamp, type Stamp } from '../../../shared/stamp.js'
import { carrying } from '../../../shared/taken-ids.js'
import { AT_ONCE } from '../../kernel/remote/backlog.js'
import type { Core } from '../../kernel/seams/core.js'
import { onArrival } from '../../kernel/visitors/arrival.js'
import type { Settings } from '../../options.js'
import type { KnownSession } from './known-session.js'
import { changesOf, checkRoom, maxAgeOf, RENEWED, type RegisterChanges, type SessionName } from './session-content.js'
import { sessionEnded } from './session-json.js'
import { SessionMemory } from './session-memory.js'
import { StoredSessions } from './stored-sessions.js'

/** All of the app's own sessions that this process knows, and who else must be told of them. */
export class AppSessions {
  readonly memory: SessionMemory
  readonly #core: Core
  readonly #rounds: NodeJS.Timeout
  readonly stored: StoredSessions | undefined
  #isClosed = false

  /** @param maxLifetime ms after which a session ends, used or not */
  constructor(core: Core, maxLifetime: number) {
    this.#core = core
    this.memory = new SessionMemory(core, maxLifetime)
    this.stored = core.store && new StoredSessions(core.store, this.memory, core)
    this.#rounds = beginRounds(this.memory, (name) => this.open(name), core.settings)
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#rounds)
  }

  /** Returns the current state of a request's or socket's session: memory may have evicted and reloaded it. Undefined if it has ended. */
  current(session: KnownSession): KnownSession | undefined {
    const current = this.memory.live(session.name) ?? session
    return this.memory.endOf(current) === undefined ? current : undefined
  }

  /**
   * Returns the session of that name, after asking the store for news of it.
   *
   * @throws {LiveSessionError} `store_unavailable` if that does not answer, and nothing is known of the session here
   */
  async open(name: SessionName): Promise<KnownSession | undefined> {
    if (this.memory.isGivenUp(name)) return undefined
    const isCertain = (await this.stored?.ensure(name)) ?? true
    const session = this.memory.live(name)
    if (session) session.usedAt = this.#core.settings.clock()
    // It has expired.
    else if (isCertain && this.memory.find(name) && !this.memory.isGivenUp(name)) {
      this.memory.end(name, 'expired')
      this.memory.close(name)
      this.#core.remote.store?.erase(name, [])
    }
    return session
  }

  /** Returns whether a session of that name may exist anywhere, after asking the store for news of it. */
  async mayExist(name: SessionName): Promise<boolean> {
    const isCertain = await this.stored?.ensure(name).catch(() => false)
    return !isCertain || this.memory.find(name) !== undefined
  }

  /**
   * Saves a session's changes, and renews its lifetime.
   *
   * @throws {LiveSessionError} `too_large`, `superseded`, `closed`
   */
  save(session: KnownSession, changes: RegisterChanges, source: ChangeSource): void {
    // A process that is stopping leaves renewals to another: no request should fail for that.
    if (this.#isClosed && changes.size === 0) return
    checkRoom(changesOf(session.replica), changes)
    this.write(session, new Map([...changes, [RENEWED, null]]), source)
  }

  /**
   * Writes some registers of a session with one stamp, newer than any that their keys have had.
   *
   * @throws {LiveSessionError} `superseded` if it was ended; `closed`
   */
  write(held: Pick<KnownSession, 'name' | 'replica'>, changes: RegisterChanges, source: ChangeSource): Stamp {
    this.#core.sessions.checkOpen()
    if (this.memory.isGivenUp(held.name)) throw sessionEnded()
    const session = this.memory.ensure(held.name)
    // If memory has evicted it, it is restored, with the values' original stamps.
    const recalled = this.memory.live(held.name) ? [] : session.merge(held.replica.registers(), 'store')
    const now = this.#core.settings.clock()
    session.usedAt = now
    const stamp = nextStamp(now, newestOf([...changes.keys()].map((key) => session.replica.stamp(key))))
    const registers = Array.from(changes, ([key, value]) => carrying({ key, stamp, value }, session.replica, now))
    const news = [...recalled, ...session.merge(registers, source)]
    this.#core.remote.store?.keep(session.name, news)
    this.#core.remote.peers?.tell(session.name, news)
    const before = this.memory.letGo(session)
    if (before !== undefined) this.#core.store?.prune(session.name, before)
    return stamp
  }

  /** Returns how far the writes of a session have got. */
  level(name: SessionName): Awaitable<Level> {
    return this.#core.store?.level([name]) ?? 'memory'
  }

  /**
   * Abandons a session's id for good, everywhere. Its connections are closed once the response with the browser's new cookie is sent.
   *
   * @throws {LiveSessionError} `closed`
   */
  destroy(name: SessionName, res: ServerResponse | undefined): void {
    this.#core.sessions.checkOpen()
    const isUsers = this.memory.find(name)?.isUsers
    this.memory.end(name, 'destroyed')
    this.#core.epochs.giveUp(name, undefined, isUsers)
    const dismiss = (): void => {
      this.memory.close(name)
      this.#core.epochs.endAgain(name)
    }
    if (res) onArrival(res, dismiss)
    else dismiss()
  }
}

/** ms between two rounds. */
const PACE = 1000
/** Sessions to check each time: checking a million would block the event loop. */
const EACH_TIME = 1000

type Open = (name: SessionName) => Promise<unknown>

/**
 * Checks all sessions in memory, some at a time, over and over: which have expired, and which to ask the store for.
 *
 * @param open asks the store
 */
function beginRounds(memory: SessionMemory, open: Open, settings: Settings): NodeJS.Timeout {
  let round = memory.all()
  let isUnderWay = false
  const goOn = async (): Promise<void> => {
    isUnderWay = true
    const due = Array.from({ length: EACH_TIME }, () => round.next()).flatMap(({ done, value }) => (done ? [] : value))
    if (due.length < EACH_TIME) round = memory.all()
    // The store may be asked for each, and must not become slow for requests.
    for (let at = 0; at < due.length; at += AT_ONCE)
      await Promise.all(due.slice(at, at + AT_ONCE).map((session) => look(session, memory, open, settings)))
    isUnderWay = false
  }
  return setInterval(() => void (isUnderWay || goOn()), PACE).unref()
}

async function look(session: KnownSession, memory: SessionMemory, open: Open, settings: Settings): Promise<void> {
  const { name, holders, replica, usedAt } = session
  const { maxIdle, store, storeRefresh, clock } = settings
  const now = clock()
  const { loadedAt = Number.NEGATIVE_INFINITY } = replica
  const isStale = store !== undefined && holders.size > 0 && !isWithin(storeRefresh, loadedAt, now)
  // Another process may have renewed an expired one. If the store does not answer, it is checked again later.
  if (memory.live(name) === undefined || isStale) await open(name).catch(() => undefined)
  // It can be loaded again, or its browser has ended it long ago.
  else if (holders.size === 0 && usedAt + maxIdle <= now && (store !== undefined || maxAgeOf(replica) === 'session'))
    memory.drop(session)
}
