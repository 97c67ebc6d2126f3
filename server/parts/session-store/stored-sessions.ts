import { LiveSessionError } from '../../../shared/errors.js'
import { EPOCH_KEY, type StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import { NEVER } from '../../../shared/stamp.js'
import type { StoreSync } from '../../kernel/remote/store-sync.js'
import type { Updates } from '../../kernel/remote/updates.js'
import type { Core } from '../../kernel/seams/core.js'
import type { Settings } from '../../options.js'
import type { KnownSession } from './known-session.js'
import { BORN, keyOf, type SessionName } from './session-content.js'
import { LATEST, type SessionMemory } from './session-memory.js'

/**
 * Sessions in the store. A request never sees less than what the store had when it arrived: the visitor may have signed out at another
 * process a moment before.
 */
export class StoredSessions {
  readonly updates: Updates<SessionName>
  readonly #store: StoreSync
  readonly #memory: SessionMemory
  readonly #settings: Settings
  #underWay = 0

  constructor(store: StoreSync, memory: SessionMemory, { remote, sessions, settings }: Core) {
    this.#store = store
    this.#memory = memory
    this.#settings = settings
    const answers = {
      ensure: ([name]: readonly SessionName[]) => name && this.ensure(name).catch(() => false),
      isLoaded: (name: SessionName) => memory.live(name) !== undefined,
      inTime: (name: SessionName) => store.health.inTime(this.#load(name).catch(() => undefined)),
    }
    this.updates = store.updates(answers, {
      find: (name) => memory.live(name)?.replica,
      last: (name, key) => memory.find(name)?.replica.stamp(key) ?? NEVER,
      confirm: (name, register, source) => {
        memory.live(name)?.merge([register], source)
        if (!memory.isGivenUp(name)) remote.peers?.tell(name, [register])
      },
      checkOpen: () => sessions.checkOpen(),
    })
  }

  /**
   * Loads what the store knows of a session, and returns whether it has. For a session known here, it waits no longer than the deadline.
   *
   * @throws {LiveSessionError} `store_unavailable`: without an answer the visitor would be taken for one who has no session
   */
  async ensure(name: SessionName): Promise<boolean> {
    const { health } = this.#store
    const isKnown = this.#memory.live(name) !== undefined
    const isAsked = this.#load(name).then(
      () => true,
      (cause: unknown) => {
        if (isKnown) return false
        throw new LiveSessionError('store_unavailable', 'the store does not say what is in the session', { cause })
      },
    )
    if (!isKnown) return isAsked
    return health.state === 'good' && (await health.inTime(isAsked)) === true
  }

  async #load(name: SessionName): Promise<void> {
    // A single request shows whether a store that was down is back.
    if (this.#store.health.state === 'down' && this.#underWay > 0) throw new Error('the store is down')
    this.#underWay += 1
    const askedAt = this.#settings.clock()
    try {
      this.#learn(name, await this.#store.load(name), askedAt)
    } finally {
      this.#underWay -= 1
    }
  }

  #learn(name: SessionName, registers: readonly StoredRegister[], askedAt: number): void {
    this.#memory.take(name, registers, 'store')
    const session = this.#memory.live(name)
    if (session) this.#compare(session, registers, askedAt)
    const end = registers.find(({ key }) => key === EPOCH_KEY)
    // Another process may have written to it before it learned of the end.
    if (end && registers.length > 1) this.#store.erase(name, [end])
  }

  /** Forgets what the store has forgotten, and tells the store what it lacks. */
  #compare(session: KnownSession, stored: readonly StoredRegister[], askedAt: number): void {
    const now = this.#settings.clock()
    // An answer overtaken by another may lack what that one brought.
    const isNewest = (session.replica.loadedAt ?? NEVER) <= askedAt
    if (isNewest && this.#settings.store?.prune) session.forget(letGoElsewhere(session, stored, now))
    session.replica.loadedAt = now
    this.#store.keepLacking(session.name, session.replica.registers(), stored)
  }
}

/** Keys of a session that the store had and no longer has, as another process has forgotten them. The store was asked for all keys. */
function letGoElsewhere({ replica }: KnownSession, rows: readonly StoredRegister[], now: number): ReadonlySet<string> {
  const stored = Replica.of(rows, 'store')
  // A store that has lost the session is told everything again.
  if (stored.stamp(BORN) === NEVER) return new Set()
  const gone = replica.registers().filter(
    ({ key, stamp }) =>
      keyOf(key) !== undefined &&
      stored.stamp(key) === NEVER &&
      stamp < now - LATEST &&
      // The process that announced it may not have stored it.
      (replica.source(key) !== 'node' || stamp <= (replica.loadedAt ?? NEVER)),
  )
  return new Set(gone.map(({ key }) => key))
}
