import type { Socket } from 'socket.io'
import type { ChangeSource } from '../../../shared/change.js'
import type { Awaitable } from '../../../shared/promise.js'
import type { Level } from '../../../shared/protocol.js'
import type { StoredRegister } from '../../../shared/register.js'
import { newestOf, nextStamp, type Stamp } from '../../../shared/stamp.js'
import { carrying } from '../../../shared/taken-ids.js'
import type { Announcements } from '../../kernel/memory/announcements.js'
import type { Remote } from '../../kernel/remote/remote.js'
import type { StoreSync } from '../../kernel/remote/store-sync.js'
import type { Update } from '../../kernel/remote/updates.js'
import type { Sessions } from '../../kernel/values/sessions.js'
import type { Settings } from '../../options.js'
import { letGo } from './deleted-keys.js'
import { EndedSessions } from './ended-sessions.js'
import type { KnownSession } from './known-session.js'
import { LoadedSessions } from './loaded-sessions.js'
import { sessionEnded } from './refusals.js'
import { SessionKeeping } from './session-keeping.js'
import { SessionMemory } from './session-memory.js'
import type { SessionName } from './session-name.js'
import { SessionNews } from './session-news.js'
import { changesOf, checkRoom, RENEWED, type RegisterChanges } from './session-registers.js'
import { SessionRounds } from './session-rounds.js'

type Conn = Socket['conn']

interface Needs {
  readonly announcements: Announcements
  readonly remote: Remote
  readonly sessions: Sessions
  readonly settings: Settings
}

/** Every session of the app's own that this process knows, and who else is to hear of them. */
export class AppSessions {
  readonly given: LoadedSessions = new LoadedSessions()
  readonly ended: EndedSessions
  readonly news: SessionNews
  readonly #core: Needs
  readonly #memory: SessionMemory
  #rounds: SessionRounds | undefined
  #keeping: SessionKeeping | undefined
  #isClosed = false

  constructor(core: Needs) {
    this.#core = core
    this.#memory = new SessionMemory(core)
    this.ended = new EndedSessions(core, this.#memory)
    this.news = new SessionNews(core, this.#memory, this.ended)
  }

  /** The app is to keep its sessions here. */
  begin(store: StoreSync | undefined): void {
    this.#keeping ??= store && new SessionKeeping(store, this.#memory, this.news, this.#core)
    this.#rounds ??= new SessionRounds(this.#memory, this, this.#core.settings)
  }

  get isUsed(): boolean {
    return this.#rounds !== undefined
  }

  /** Resolves when no `update` is under way any more. */
  async settled(): Promise<void> {
    await this.#keeping?.settled()
  }

  close(): void {
    this.#isClosed = true
    this.#rounds?.close()
  }

  /** How many there are in memory. */
  get size(): number {
    return this.#memory.size
  }

  /** The session of that name that is in memory, and has not ended. */
  find(name: SessionName): KnownSession | undefined {
    return this.#memory.live(name)
  }

  /**
   * The session of that name, once the store was asked for what is new of it.
   *
   * @throws {LiveSessionError} `store_unavailable` where that does not answer, and nothing is known of the session here
   */
  async open(name: SessionName): Promise<KnownSession | undefined> {
    if (this.ended.has(name)) return undefined
    const isCertain = await this.#ask(name)
    const session = this.find(name)
    if (session) session.usedAt = this.#core.settings.clock()
    else if (isCertain) this.#forget(name)
    return session
  }

  /** Whether there may be a session of that name somewhere. */
  async mayExist(name: SessionName): Promise<boolean> {
    if (!this.#keeping || this.find(name)) return true
    const isCertain = await this.#ask(name).catch(() => false)
    return !isCertain || this.#memory.find(name) !== undefined
  }

  /**
   * Saves what has changed of a session, and begins its time anew.
   *
   * @throws {LiveSessionError} `too_large`, `superseded`, `closed`
   */
  save(name: SessionName, changes: RegisterChanges, source: ChangeSource): void {
    // A process that is about to end leaves it to another one: no request need fail for that.
    if (this.#isClosed && changes.size === 0) return
    const known = this.#memory.find(name)
    if (known) checkRoom(changesOf(known.replica), changes)
    this.write(name, new Map([...changes, [RENEWED, null]]), source)
  }

  /**
   * Writes some registers of a session, with one stamp, newer than anything their keys have seen.
   *
   * @throws {LiveSessionError} `superseded` where it was ended; `closed`
   */
  write(name: SessionName, changes: RegisterChanges, source: ChangeSource): Stamp {
    const { sessions, settings } = this.#core
    sessions.checkOpen()
    if (this.ended.has(name)) throw sessionEnded()
    const session = this.#memory.ensure(name)
    const now = settings.clock()
    session.usedAt = now
    const stamp = nextStamp(now, newestOf([...changes.keys()].map((key) => session.replica.stamp(key))))
    const registers = Array.from(changes, ([key, value]) =>
      carrying({ key, stamp, value }, session.replica.register(key), now),
    )
    this.news.tell(name, session.merge(registers, source))
    const before = this.#letGo(session)
    if (before !== undefined) this.#keeping?.prune(name, before)
    return stamp
  }

  /**
   * Computes a value from the newest one, whichever process has written that. Resolves with its stamp; with nothing where there is no
   * store, or none that answers.
   */
  async update(name: SessionName, update: Update): Promise<Stamp | undefined> {
    return this.#keeping?.update(name, update)
  }

  /** Takes over what another process tells of a session. */
  hear(name: SessionName, registers: readonly StoredRegister[]): void {
    const session = this.isUsed ? this.news.hear(name, registers) : undefined
    if (session) this.#letGo(session)
  }

  /** Keeps a session in memory until `release`; answers with what is to be released. */
  hold(session: KnownSession, conn: Conn): KnownSession {
    const current = this.#memory.find(session.name) ?? session
    const isEnded = current.ended !== undefined || this.ended.has(current.name)
    const holder = isEnded ? this.ended : this.#memory
    holder.hold(current, conn)
    return current
  }

  release(session: KnownSession, conn: Conn): void {
    session.usedAt = this.#core.settings.clock()
    this.#memory.release(session, conn)
  }

  /** How far the writes of a session have got. */
  level(name: SessionName): Awaitable<Level> {
    return this.#keeping?.level(name) ?? 'memory'
  }

  /** A store that lets go of nothing would bring it back each time. */
  #letGo(session: KnownSession): number | undefined {
    if (this.#keeping && !this.#keeping.canPrune) return undefined
    return letGo(session, this.#core.settings.clock())
  }

  /** Asks the store, where there is one; says whether what is in memory is all that is known. */
  async #ask(name: SessionName): Promise<boolean> {
    return (await this.#keeping?.ensure(name)) ?? true
  }

  /** What is in memory of a session that is none: its time is up, or its beginning is not known. */
  #forget(name: SessionName): void {
    const session = this.#memory.find(name)
    if (session?.isWhole) this.ended.expire(session)
    else if (session) this.#memory.drop(session)
  }
}
