// Implements the handle of `live.user(id)`.

import type { Listener } from '../../shared/change.js'
import type { JsonValue } from '../../shared/json.js'
import type { Replica } from '../../shared/replica.js'
import type { Memory } from '../memory/memory.js'
import { type UserSubject, userIdOf } from '../subjects/subject.js'
import { Listeners } from '../values/listeners.js'
import type { Owner } from '../values/values.js'
import { Handle, type HandleParts } from './handle.js'

const UNKNOWN =
  'this process does not know the values of this user yet. Pass store: redisStore(client) or sqlStore(kysely), or set the whole value'

export interface UserHandleParts extends HandleParts {
  readonly memory: Memory
}

/** `live.user(id)`: a user's values, for a job, a webhook or an admin page. */
export class UserHandle extends Handle {
  readonly userId: string
  protected override readonly cookie = undefined
  protected override readonly source = 'job'
  readonly #parts: UserHandleParts
  readonly #subject: UserSubject
  readonly #listeners = new Listeners()
  readonly #onChange: Listener = (change) => this.#listeners.notify(change, this.#parts.settings.report)

  constructor(parts: UserHandleParts, user: UserSubject) {
    super(parts, new Map([...parts.values.fields].filter(([, field]) => field.scope === 'user')))
    this.userId = userIdOf(user)
    this.#parts = parts
    this.#subject = user
  }

  get loaded(): boolean {
    const { memory, store } = this.#parts
    return store ? memory.isLoaded(this.#subject) : this.values.find(this.#subject)?.isEmpty === false
  }

  subscribe(key: string, listener: (value: JsonValue | undefined) => void): () => void {
    return this.#listen(
      this.#listeners.subscribe({ key, read: () => this.get(key) }, listener, this.#parts.settings.report),
    )
  }

  onChange(listener: Listener): () => void {
    return this.#listen(this.#listeners.onChange(listener))
  }

  [Symbol.dispose](): void {
    this.#listeners.clear()
    this.#release()
  }

  protected override replica(): Replica | undefined {
    return this.values.find(this.#subject)
  }

  /**
   * Returns the value that `update` starts from. Throws if this process knows no values of the user: a result computed from the default
   * could overwrite a value in a cookie.
   */
  protected override current(key: string): JsonValue | undefined {
    if (this.loaded) return this.get(key)
    throw this.declared('update', key).refusal('not_loaded', `update("${key}"): ${UNKNOWN}`)
  }

  protected override get owner(): Owner {
    return { subject: () => this.#subject }
  }

  /** Pins the subject in memory while the handle has listeners. Pinned subjects are reloaded regularly. */
  #listen(unsubscribe: () => void): () => void {
    this.#parts.memory.pin(this.#subject).listeners.add(this.#onChange)
    return () => {
      unsubscribe()
      if (this.#listeners.isEmpty) this.#release()
    }
  }

  #release(): void {
    const { memory } = this.#parts
    memory.pinnedOf(this.#subject)?.listeners.delete(this.#onChange)
    memory.unpin(this.#subject)
  }
}
