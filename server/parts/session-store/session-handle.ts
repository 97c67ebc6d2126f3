import type { Socket } from 'socket.io'
import type { LiveSessionErrorCode } from '../../../shared/errors.js'
import type { JsonValue } from '../../../shared/json.js'
import { after, refusePromise } from '../../../shared/promise.js'
import { Audience, heedRejection, type Listener, Listeners } from '../../kernel/memory/listeners.js'
import type { Update } from '../../kernel/remote/updates.js'
import type { Report } from '../../kernel/report.js'
import { Outcome } from '../../kernel/values/outcome.js'
import type { Written } from '../../kernel/values/written.js'
import type { Settings } from '../../options.js'
import type { AppSessions } from './app-sessions.js'
import type { KnownSession, SessionWatcher } from './known-session.js'
import { refusal, sessionEnded } from './refusals.js'
import { checkWritable, jsonOf } from './session-json.js'
import { changesOf, checkRoom, keyOf, registerKey, valuesOf } from './session-registers.js'
import type { SessionEnd } from './types.js'

type Values = Readonly<Record<string, JsonValue>>
type ValueListener = (value: JsonValue | undefined) => void
type ValuesListener = (values: Values) => void

interface Needs {
  readonly appSessions: AppSessions
  readonly settings: Settings
  readonly report: Report
}

/** `socket.session`. Untyped: the public types are in types.ts. */
export class SessionHandle {
  readonly #core: Needs
  readonly #held: KnownSession
  readonly #changes = new Listeners()
  readonly #all = new Audience<Values>()
  readonly #ends = new Audience<SessionEnd>()
  #isTelling = false

  constructor(core: Needs, session: KnownSession, socket: Socket) {
    this.#core = core
    this.#held = session
    const watcher: SessionWatcher = {
      changed: (change) => {
        this.#changes.tell(change, core.report)
        this.#tellAll()
      },
      ended: (end) => this.#ends.tell(end, core.report),
    }
    const watchers = session.holders.get(socket.conn)
    watchers?.add(watcher)
    socket.once('disconnecting', () => watchers?.delete(watcher))
  }

  get ended(): SessionEnd | undefined {
    return this.#core.appSessions.ended.endOf(this.#session)
  }

  get(key: string): JsonValue | undefined {
    const own = registerKey(key)
    return this.ended === undefined && keyOf(own) === key ? this.#session.replica.value(own) : undefined
  }

  values(): Values {
    return Object.freeze(Object.fromEntries(this.ended === undefined ? valuesOf(this.#session.replica) : []))
  }

  put(key: string, value: unknown): Promise<Written> {
    return this.#write('put', key, () => value)
  }

  delete(key: string): Promise<Written> {
    return this.#write('delete', key, () => undefined)
  }

  update(key: string, next: (value: JsonValue | undefined) => unknown): Promise<Written> {
    const { appSessions, settings, report } = this.#core
    const computed = (): unknown => next(this.get(key))
    if (!settings.store) return this.#write('update', key, computed)
    return Outcome.of(async () => {
      const write = this.#prepared('update', key, computed)
      const stamp = await appSessions.update(this.#session.name, write)
      // It may have ended while the store was asked: then nothing of it counts.
      this.#permit()
      if (stamp === undefined) return this.#apply(write)
      return { stamp, level: await appSessions.level(this.#session.name) }
    }, report)
  }

  subscribe(listener: ValuesListener): () => void
  subscribe(key: string, listener: ValueListener): () => void
  subscribe(...given: readonly [ValuesListener] | readonly [key: string, ValueListener]): () => void {
    const { report } = this.#core
    if (given.length === 1) {
      const [listener] = given
      heedRejection(listener(this.values()), report)
      return this.#all.add(listener)
    }
    const [key, listener] = given
    return this.#changes.subscribe({ key, value: this.get(key) }, listener, report)
  }

  onChange(listener: Listener): () => void {
    return this.#changes.onChange(listener)
  }

  onEnd(listener: (end: SessionEnd) => void): () => void {
    const { ended } = this.#held
    if (ended === undefined) return this.#ends.add(listener)
    // There is one end, of which others may be told later.
    heedRejection(listener(ended), this.#core.report)
    return () => undefined
  }

  /** As memory has it by now: it may have forgotten the one of a socket that has gone, and found it again in the store. */
  get #session(): KnownSession {
    return this.#core.appSessions.find(this.#held.name) ?? this.#held
  }

  #write(method: string, key: string, value: () => unknown): Promise<Written> {
    return Outcome.of(() => this.#apply(this.#prepared(method, key, value)), this.#core.report)
  }

  #prepared(method: string, key: string, value: () => unknown): Update {
    checkWritable(key)
    const next = (): JsonValue | undefined => {
      const given = value()
      refusePromise(given, `session.${method}("${key}")`, 'Await it first, and pass what it resolves to.')
      return jsonOf(key, given)
    }
    const own = registerKey(key)
    const isDeletion = method === 'delete'
    const field = {
      key: own,
      refusal: (code: LiveSessionErrorCode) => refusal(code, 'others were faster again and again at a key', key),
    }
    const permit = (): void => {
      this.#permit()
      checkRoom(changesOf(this.#session.replica), new Map([[own, isDeletion ? undefined : null]]))
    }
    permit()
    return { field, next, permit, source: 'socket' }
  }

  /** Applies a write before the next line of the caller runs. */
  #apply({ field, next, permit, source }: Update): Written | Promise<Written> {
    const { appSessions } = this.#core
    const { name } = this.#session
    const value = next()
    permit()
    appSessions.news.recall(this.#session)
    const stamp = appSessions.write(name, new Map([[field.key, value]]), source)
    return after(appSessions.level(name), (level) => ({ stamp, level }))
  }

  /** @throws {LiveSessionError} where the session is no more */
  #permit(): void {
    if (this.ended !== undefined) throw sessionEnded()
  }

  /** Tells of all values once all changes of the turn have been made. */
  #tellAll(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    queueMicrotask(() => {
      this.#isTelling = false
      this.#all.tell(this.values(), this.#core.report)
    })
  }
}
