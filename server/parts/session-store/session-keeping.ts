import { LiveSessionError } from '../../../shared/errors.js'
import type { Level } from '../../../shared/protocol.js'
import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import { NEVER, type Stamp } from '../../../shared/stamp.js'
import { InTurn } from '../../kernel/remote/in-turn.js'
import type { StoreSync } from '../../kernel/remote/store-sync.js'
import type { Update, Updates } from '../../kernel/remote/updates.js'
import type { Sessions } from '../../kernel/values/sessions.js'
import type { Settings } from '../../options.js'
import { letGoElsewhere } from './deleted-keys.js'
import type { SessionMemory } from './session-memory.js'
import type { SessionName } from './session-name.js'
import type { SessionNews } from './session-news.js'

interface Needs {
  readonly sessions: Sessions
  readonly settings: Settings
}

/**
 * What is asked of the store. A request is never told less than what the store had when it came: the visitor may have signed out at
 * another process a moment before.
 */
export class SessionKeeping {
  readonly #store: StoreSync
  readonly #memory: SessionMemory
  readonly #news: SessionNews
  readonly #clock: () => number
  readonly #updates: Updates<SessionName>
  readonly #inTurn = new InTurn()
  /** What has not begun yet answers all who ask until then. */
  readonly #next = new Map<SessionName, Promise<void>>()
  #underWay = 0

  constructor(store: StoreSync, memory: SessionMemory, news: SessionNews, core: Needs) {
    this.#store = store
    this.#memory = memory
    this.#news = news
    this.#clock = core.settings.clock
    const answers = {
      ensure: ([name]: readonly SessionName[]) => name && this.ensure(name).catch(() => false),
      isLoaded: (name: SessionName) => memory.live(name) !== undefined,
      inTime: (name: SessionName) => store.health.inTime(this.#load(name).catch(() => undefined)),
    }
    this.#updates = store.updates(answers, {
      find: (name) => memory.live(name)?.replica,
      last: (name, key) => memory.find(name)?.replica.stamp(key) ?? NEVER,
      confirm: (name, register, source) => news.confirm(name, register, source),
      checkOpen: () => core.sessions.checkOpen(),
    })
  }

  /**
   * Has what the store knows of a session now, and says whether it has. What is known here is waited for no longer than the deadline.
   *
   * @throws {LiveSessionError} `store_unavailable`: without an answer the visitor would be taken for one who has no session
   */
  async ensure(name: SessionName): Promise<boolean> {
    const isKnown = this.#memory.live(name) !== undefined
    const load = this.#load(name)
    if (!isKnown) {
      await load.catch((cause: unknown) => {
        throw new LiveSessionError('store_unavailable', 'the store does not say what is in the session', { cause })
      })
      return true
    }
    const isAsked = load.then(
      () => true,
      () => false,
    )
    const { health } = this.#store
    return health.state === 'good' && (await health.inTime(isAsked)) === true
  }

  get canPrune(): boolean {
    return this.#store.parts.canPrune
  }

  prune(name: SessionName, before: number): void {
    this.#store.parts.prune(name, before)
  }

  level(name: SessionName): Promise<Level> {
    return this.#store.level([name])
  }

  update(name: SessionName, update: Update): Promise<Stamp | undefined> {
    return this.#updates.make(name, update)
  }

  settled(): Promise<void> {
    return this.#updates.ended()
  }

  #load(name: SessionName): Promise<void> {
    const next = this.#next.get(name)
    if (next !== undefined) return next
    // One shows whether a store that was down is back.
    if (this.#store.health.state === 'down' && this.#underWay > 0) return Promise.reject(new Error('the store is down'))
    this.#underWay += 1
    const load = this.#inTurn
      .run(name, () => {
        this.#next.delete(name)
        return this.#ask(name)
      })
      .finally(() => {
        this.#underWay -= 1
      })
    this.#next.set(name, load)
    return load
  }

  async #ask(name: SessionName): Promise<void> {
    const registers = await this.#store.parts.load(name)
    this.#news.learn(name, registers)
    const session = this.#memory.live(name)
    if (!session) return
    const stored = Replica.of(registers, 'store')
    if (this.canPrune) session.forget(letGoElsewhere(session, stored, this.#clock()))
    session.loadedAt = this.#clock()
    const isLacking = (register: StoredRegister): boolean => stored.merge(register, 'job')
    // The process that wrote it, and told of it, may have been killed before it could store it.
    const lacking = session.replica.registers().filter(isLacking)
    if (lacking.length > 0) this.#store.keep(name, lacking)
  }
}
