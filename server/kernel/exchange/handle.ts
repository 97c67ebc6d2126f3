import { cookieBytes } from '../../../shared/budget.js'
import type { ChangeSource } from '../../../shared/change.js'
import { didYouMean } from '../../../shared/did-you-mean.js'
import { LiveSessionError } from '../../../shared/errors.js'
import type { Field } from '../../../shared/field.js'
import { type FieldMap, isKey } from '../../../shared/fields.js'
import type { JsonValue } from '../../../shared/json.js'
import { AWAIT_IT, type Awaitable, refusePromise } from '../../../shared/promise.js'
import type { Level } from '../../../shared/protocol.js'
import type { Replica } from '../../../shared/replica.js'
import { type CookieContent, stampsIn } from '../cookie/cookie-text.js'
import { superseded } from '../ends/ending.js'
import type { FieldChanges, Owner } from '../values/field-changes.js'
import type { Sessions } from '../values/sessions.js'
import { Outcome, type Written } from './outcome.js'
import type { UpToExchange } from './up-to-exchange.js'

/** The details of one key, for a look under the hood. */
export interface Inspection {
  /** As stored; undefined if the key is deleted. */
  readonly value: JsonValue | undefined
  /** When it was written: ms since 1970. */
  readonly stamp: number
  /** The places that hold this very write, as far as this process knows. */
  readonly places: readonly ('cache' | 'cookie' | 'store')[]
  /** Bytes that it takes in the cookie, or would take, including key and stamp. */
  readonly bytes: number
  /** Where the write came from. */
  readonly source: ChangeSource
}

/** The common base of the handles of requests, sockets and users. Untyped: the public types are in session-types.ts. */
export abstract class Handle {
  protected readonly sessions: Sessions
  readonly #core: Pick<UpToExchange, 'report' | 'store' | 'warn'>
  readonly #fields: FieldMap

  constructor(core: UpToExchange, fields: FieldMap = core.sessions.fields) {
    this.sessions = core.sessions
    this.#core = core
    this.#fields = fields
  }

  /** Returns the replica that has the field's value, if there is one yet. */
  protected abstract replica(field: Field): Replica | undefined
  /** The cookie that the visitor was last seen with. */
  protected abstract readonly cookie: CookieContent | undefined
  /** The owner of the values. */
  protected abstract readonly owner: Owner
  protected abstract readonly source: ChangeSource
  /** Reports errors that no code awaits to the app. */
  get report(): (error: unknown) => void {
    return this.#core.report
  }
  /** Called when something is about to be set, or refused. */
  protected begin(): void {}
  /** @throws {LiveSessionError} if these fields may not be set, or the visitor may set nothing any more */
  protected permit(_fields: Iterable<Field>): void {}
  /** Called with each field that was written or deleted. */
  protected wrote(_: Field): void {}
  /**
   * Called when a write has got that far.
   *
   * @throws {LiveSessionError} if it is refused after all
   */
  protected confirm(level: Level): Awaitable<Level> {
    return level
  }

  get(key: string): JsonValue | undefined {
    const field = this.declared('get', key)
    return this.sessions.value(field, this.replica(field))
  }

  has(key: string): boolean {
    const field = this.declared('has', key)
    return this.sessions.read(field, this.replica(field)) !== undefined
  }

  set(key: string, value: unknown): Promise<Written> {
    return this.#write(() => [this.#accepted('set', key, value)])
  }

  setMany(values: Readonly<Record<string, unknown>>): Promise<Written> {
    return this.#write(() => Object.entries(values).map(([key, value]) => this.#accepted('setMany', key, value)))
  }

  update(key: string, next: (value: JsonValue | undefined) => unknown): Promise<Written> {
    const computed = (): readonly [Field, JsonValue] => this.#accepted('update', key, next(this.current(key)))
    const { store } = this.#core
    if (!store) return this.#write(() => [computed()])
    return Outcome.of(async () => {
      this.begin()
      const field = this.#settable('update', key)
      const subject = this.owner.subject(field)
      const permit = (): void => {
        this.permit([field])
        // The request may have signed its visitor in or out while the store was asked.
        if (this.owner.subject(field) !== subject) throw superseded()
      }
      permit()
      const update = { field, next: () => computed()[1], permit, source: this.source }
      const stamp = await store.updatesOf(subject)?.insist(subject, update)
      if (stamp === undefined) return this.#apply(new Map([computed()]))
      this.wrote(field)
      return { stamp, level: await this.confirm(await store.level([subject])) }
    }, this.report)
  }

  delete(key: string): Promise<Written> {
    return this.#write(() => [[this.#settable('delete', key), undefined]])
  }

  inspect(): ReadonlyMap<string, Inspection> {
    const inspections = new Map<string, Inspection>()
    const inCookie = stampsIn(this.cookie)
    for (const field of this.#fields.values()) {
      const replica = this.replica(field)
      const source = replica?.source(field.key)
      if (!replica || !source) continue
      const stamp = replica.stamp(field.key)
      const value = replica.value(field.key)
      const isInCookie = inCookie.get(field.key) === stamp
      const isInStore = this.#core.store?.holds(this.owner.subject(field), { key: field.key, stamp })
      const places: Inspection['places'] = [
        'cache',
        ...(isInCookie ? (['cookie'] as const) : []),
        ...(isInStore ? (['store'] as const) : []),
      ]
      inspections.set(field.key, { value, stamp, places, bytes: cookieBytes(field.key, value), source })
    }
    return inspections
  }

  /** Returns the value that `update` starts from. */
  protected current(key: string): JsonValue | undefined {
    return this.get(key)
  }

  /** Validates every change before any is applied, and applies before the next line of the caller runs. */
  #write(changes: () => readonly (readonly [Field, JsonValue | undefined])[]): Promise<Written> {
    return Outcome.of(() => {
      this.begin()
      const valid = changes()
      if (valid.length === 0) throw new LiveSessionError('malformed', 'setMany: expected at least one value')
      return this.#apply(new Map(valid))
    }, this.report)
  }

  #apply(changes: FieldChanges): Written | Promise<Written> {
    this.permit(changes.keys())
    const { owner } = this
    const stamp = this.sessions.write(changes, owner, this.source)
    for (const field of changes.keys()) this.wrote(field)
    if (!this.#core.store) return { stamp, level: 'memory' }
    const subjects = new Set([...changes.keys()].map((field) => owner.subject(field)))
    return this.#core.store.level(subjects).then(async (level) => ({ stamp, level: await this.confirm(level) }))
  }

  #accepted(method: string, key: string, value: unknown): readonly [Field, JsonValue] {
    const field = this.#settable(method, key)
    refusePromise(value, `${method}("${key}")`, AWAIT_IT)
    return [field, field.accept(value)]
  }

  /** The key may come from outside, and browsers may see the refusal: it names no hidden field. */
  #settable(method: string, key: string): Field {
    return this.#fields.get(key) ?? this.#refuse(method, key)
  }

  #refuse(method: string, key: string): never {
    const elsewhere = this.sessions.fields.get(key)
    if (elsewhere) throw elsewhere.refusal('undeclared_key', ofOther(method, elsewhere))
    const named = keysOf(this.#fields, ({ access }) => access !== 'hidden')
    throw new LiveSessionError('undeclared_key', undeclared(method, key, named), isKey(key) ? { key } : {})
  }

  /** For reads, whose key is usually in the source, so that a wrong one is a mistake: logs all keys, as no code may handle the refusal. */
  protected declared(method: string, key: string): Field {
    const field = this.#fields.get(key)
    if (field) return field
    const elsewhere = this.sessions.fields.get(key)
    const message = elsewhere ? ofOther(method, elsewhere) : undeclared(method, key, keysOf(this.#fields))
    this.#core.warn(message, 'undeclared_key')
    return this.#refuse(method, key)
  }
}

/** Returns the keys of fields. */
function keysOf(fields: FieldMap, isNamed = (_: Field): boolean => true): readonly string[] {
  return [...fields.values()].filter(isNamed).map(({ key }) => key)
}

/** Returns the message about a field that requests or users lack: a request tells no tab, and a user may have several browsers. */
function ofOther(method: string, { key, scope }: Field): string {
  if (scope === 'tab') {
    const page = method === 'get' || method === 'has' ? ', or snapshot().values, which has it after a reload' : ''
    return `${method}("${key}"): the field has scope: 'tab', so only the tab's page and its socket have it. Use socket.liveSession${page}`
  }
  return `${method}("${key}"): the field has scope: '${scope}', and a user may have several browsers. Use ctx.liveSession or socket.liveSession`
}

/** Returns the message about a key that no field has, with the key that was probably meant. */
function undeclared(method: string, key: unknown, keys: readonly string[]): string {
  const declared = keys.length === 0 ? 'not declared.' : `not declared. Declared: ${keys.join(', ')}.`
  if (!isKey(key)) return `${method}(${typeof key === 'string' ? `"${key.slice(0, 64)}"` : typeof key}): ${declared}`
  return `${method}("${key}"): ${declared}${didYouMean(key, keys)}`
}
