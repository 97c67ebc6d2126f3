// Implements `socket.session`: reads, writes and subscribes to the app session found in the handshake.

import type { Listener, Written } from '../../../shared/change.js'
import { checkNext } from '../../../shared/checks.js'
import type { JsonValue } from '../../../shared/json.js'
import { AWAIT_IT, refusePromise } from '../../../shared/promise.js'
import type { Link, PageSocket } from '../../memory/link.js'
import { type Report, tracked } from '../../settings/report.js'
import type { Update } from '../../store/updates.js'
import { ListenerSet, Listeners, reportRejection } from '../../values/listeners.js'
import type { AppSessions } from './app-sessions.js'
import { keyOf, registerKey, valuesOf } from './session-content.js'
import type { SessionEntry, SessionSubscriber } from './session-entry.js'
import { checkWritable, jsonOf, refusal, sessionEnded } from './session-json.js'
import type { SessionEnd } from './types.js'

const FASTER = 'concurrent writes of a key were faster each time'
const SILENT = 'the store does not answer the update of a key'

type Values = Readonly<Record<string, JsonValue>>
type ValueListener = (value: JsonValue | undefined) => void
type ValuesListener = (values: Values) => void

/** `socket.session`. Untyped: the public types are in types.ts. */
export class SessionHandle {
  readonly #sessions: AppSessions
  readonly #report: Report
  readonly #handshakeSession: SessionEntry
  readonly #changes = new Listeners()
  readonly #all = new ListenerSet<Values>()
  readonly #ends = new ListenerSet<SessionEnd>()
  #isNotifying = false

  constructor(sessions: AppSessions, report: Report, session: SessionEntry, link: Link, socket: PageSocket) {
    this.#sessions = sessions
    this.#report = report
    this.#handshakeSession = session
    const subscribers = session.links.get(link)
    const subscriber: SessionSubscriber = {
      changed: (change) => {
        this.#changes.notify(change, report)
        this.#notifyAll()
      },
      ended: (end) => this.#ends.notify(end, report),
    }
    subscribers?.add(subscriber)
    socket.on('disconnecting', () => subscribers?.delete(subscriber))
  }

  get ended(): SessionEnd | undefined {
    return this.#session ? undefined : this.#sessions.endOf(this.#handshakeSession)
  }

  get(key: string): JsonValue | undefined {
    const own = registerKey(key)
    return keyOf(own) === key ? this.#session?.replica.value(own) : undefined
  }

  values(): Values {
    const session = this.#session
    return Object.freeze(Object.fromEntries(session ? valuesOf(session.replica) : []))
  }

  set(key: string, value: unknown): Promise<Written> {
    return this.#write('set', key, () => value)
  }

  delete(key: string): Promise<Written> {
    return this.#write('delete', key, () => undefined)
  }

  update(key: string, next: (value: JsonValue | undefined) => unknown): Promise<Written> {
    return this.#write('update', key, () => {
      checkNext(key, next)
      return next(this.get(key))
    })
  }

  subscribe(listener: ValuesListener): () => void
  subscribe(key: string, listener: ValueListener): () => void
  subscribe(...given: readonly [ValuesListener] | readonly [key: string, ValueListener]): () => void {
    if (given.length === 1) {
      const [listener] = given
      reportRejection(listener(this.values()), this.#report)
      return this.#all.add(listener)
    }
    const [key, listener] = given
    return this.#changes.subscribe({ key, read: () => this.get(key) }, listener, this.#report)
  }

  onChange(listener: Listener): () => void {
    return this.#changes.onChange(listener)
  }

  onEnd(listener: (end: SessionEnd) => void): () => void {
    const { ended } = this
    if (ended === undefined) return this.#ends.add(listener)
    // Calls only this listener, because a pending notification may be about to call the others.
    reportRejection(listener(ended), this.#report)
    return () => undefined
  }

  get #session(): SessionEntry | undefined {
    return this.#sessions.current(this.#handshakeSession)
  }

  /** Applies a write before the caller's next line runs. Only an `update` with a store takes longer. */
  #write(method: 'set' | 'delete' | 'update', key: string, value: () => unknown): Promise<Written> {
    const { updates } = this.#sessions
    const { name } = this.#handshakeSession
    return tracked(async () => {
      const update = this.#prepared(method, key, value)
      update.permit()
      let stamp = method === 'update' && updates ? await updates.applyPersistently(name, update) : undefined
      // Rejects if the session has ended during the store call.
      update.permit()
      stamp ??= this.#sessions.write(
        this.#handshakeSession,
        new Map([[update.field.key, update.next()]]),
        update.source,
      )
      return { stamp, level: await this.#sessions.storedLevel(name) }
    }, this.#report)
  }

  #prepared(method: string, key: string, value: () => unknown): Update {
    checkWritable(key)
    const own = registerKey(key)
    const change = new Map([[own, method === 'delete' ? undefined : null]])
    return {
      field: { key: own, refusal: (code) => refusal(code, code === 'conflict' ? FASTER : SILENT, key) },
      next: () => {
        const given = value()
        refusePromise(given, `session.${method}("${key}")`, AWAIT_IT)
        return jsonOf(key, given)
      },
      permit: () => {
        const session = this.#session
        if (!session) throw sessionEnded()
        this.#sessions.checkRoom(session, change)
      },
      source: 'socket',
    }
  }

  /** Calls the listeners to all values, once for all changes of a turn. */
  #notifyAll(): void {
    if (this.#isNotifying) return
    this.#isNotifying = true
    queueMicrotask(() => {
      this.#isNotifying = false
      this.#all.notify(this.values(), this.#report)
    })
  }
}
