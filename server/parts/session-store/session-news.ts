import type { ChangeSource } from '../../../shared/change.js'
import { EPOCH_KEY, type StoredRegister } from '../../../shared/register.js'
import type { Remote } from '../../kernel/remote/remote.js'
import type { Settings } from '../../options.js'
import type { EndedSessions } from './ended-sessions.js'
import type { KnownSession } from './known-session.js'
import type { SessionMemory } from './session-memory.js'
import type { SessionName } from './session-name.js'
import { BORN } from './session-registers.js'

interface Needs {
  readonly remote: Remote
  readonly settings: Settings
}

/** What the store and other processes tell of sessions, and are told. */
export class SessionNews {
  readonly #core: Needs
  readonly #memory: SessionMemory
  readonly #ended: EndedSessions

  constructor(core: Needs, memory: SessionMemory, ended: EndedSessions) {
    this.#core = core
    this.#memory = memory
    this.#ended = ended
  }

  /** Has other processes, and the store, know. */
  tell(name: SessionName, news: readonly StoredRegister[]): void {
    const { store, peers } = this.#core.remote
    store?.keep(name, news)
    peers?.tell(name, news)
  }

  /** Takes a session back that memory has forgotten, and a request or a handler still has: each value as old as it is. */
  recall({ name, replica }: KnownSession): void {
    if (!this.#memory.live(name) && !this.#ended.has(name))
      this.tell(name, this.#memory.ensure(name).merge(replica.registers(), 'store'))
  }

  /** Takes over all that the store has of a session. */
  learn(name: SessionName, registers: readonly StoredRegister[]): void {
    if (this.#ended.has(name) || registers.length === 0) return
    const ending = registers.find(({ key }) => key === EPOCH_KEY)
    if (!ending) this.#memory.ensure(name).merge(registers, 'store')
    else {
      this.#ended.drop(name)
      this.#ended.close(name)
      // Another process may have written to it before it heard of the end.
      if (registers.length > 1) this.#core.remote.store?.erase(name, [ending])
    }
  }

  /** Takes over what stands in the store for keys that were written here: another process may have been faster. */
  stands(name: SessionName, registers: readonly StoredRegister[]): void {
    this.#memory.find(name)?.merge(registers, 'store')
  }

  /** Takes over a write that the store has taken already. */
  confirm(name: SessionName, register: StoredRegister, source: ChangeSource): void {
    if (this.#ended.has(name)) return
    const news = this.#memory.ensure(name).merge([register], source)
    this.#core.remote.peers?.tell(name, news)
  }

  /**
   * Takes over what another process tells of a session, and returns that. One that began before this process heard of it is not known
   * here.
   */
  hear(name: SessionName, registers: readonly StoredRegister[]): KnownSession | undefined {
    const isEnd = registers.some(({ key }) => key === EPOCH_KEY)
    if (this.#ended.has(name)) {
      // Told again, as the answer is out that has ended it.
      if (isEnd) this.#ended.close(name)
      return undefined
    }
    if (isEnd) {
      this.#ended.drop(name)
      this.#ended.closeLater(name)
      return undefined
    }
    const isBegun = !this.#core.settings.store && registers.some(({ key }) => key === BORN)
    const session = isBegun ? this.#memory.ensure(name) : this.#memory.find(name)
    session?.merge(registers, 'node')
    return session
  }
}
