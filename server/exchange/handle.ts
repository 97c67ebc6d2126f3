// Implements the common methods of `ctx.liveSession`, `socket.liveSession` and `live.user()`, such as `get`, `set` and `update`.

import { cookieBytes } from '../../shared/budget.js'
import type { ChangeSource, Written } from '../../shared/change.js'
import { checkNext, didYouMean, USE_SET_MANY } from '../../shared/checks.js'
import type { FieldMap } from '../../shared/compiled-fields.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { isKey } from '../../shared/fields.js'
import type { JsonValue } from '../../shared/json.js'
import { AWAIT_IT, type Awaitable, refusePromise } from '../../shared/promise.js'
import type { Level } from '../../shared/protocol.js'
import type { Replica } from '../../shared/replica.js'
import { type CookieContent, stampsByKey } from '../cookie/content.js'
import { visitorLeft } from '../ends/validity.js'
import { tracked } from '../settings/report.js'
import type { Settings } from '../settings/settings.js'
import type { StoreClient } from '../store/store-client.js'
import type { Inspection } from '../types/session.js'
import type { FieldChanges, Owner, Values } from '../values/values.js'

export interface HandleParts {
  readonly settings: Settings
  readonly values: Values
  readonly store: StoreClient | undefined
}

/** The base class of the handles of requests, sockets and users. Untyped: the public types are in types/session.ts. */
export abstract class Handle {
  protected readonly values: Values
  readonly #parts: HandleParts
  readonly #fields: FieldMap

  constructor(parts: HandleParts, fields: FieldMap = parts.values.fields) {
    this.values = parts.values
    this.#parts = parts
    this.#fields = fields
  }

  /** Returns the replica with the field's value, if any. */
  protected abstract replica(field: Field): Replica | undefined
  /** The content of the visitor's cookie, as this process last received it. */
  protected abstract readonly cookie: CookieContent | undefined
  protected abstract readonly owner: Owner
  protected abstract readonly source: ChangeSource
  /** Reports errors of promises not awaited by the app. */
  get report(): (error: unknown) => void {
    return this.#parts.settings.report
  }
  /** Called before each write, even if the write will be refused. */
  protected beforeWrite(): void {}
  /** @throws {LiveSessionError} if the handle may not write these fields, or the visitor has left */
  protected permit(_fields: Iterable<Field>): void {}
  protected wrote(_: Field): void {}
  /** Whether the app's code may run where nothing catches its errors, as in a listener of the response. */
  protected get isOver(): boolean {
    return false
  }
  /**
   * Called with the level of each write, and returns this level.
   *
   * @throws {LiveSessionError} if the visitor turns out to have left before the write
   */
  protected recheck(level: Level): Awaitable<Level> {
    return level
  }

  get(key: string): JsonValue | undefined {
    const field = this.#readable('get', key)
    return field && this.values.value(field, this.replica(field))
  }

  has(key: string): boolean {
    const field = this.#readable('has', key)
    return field !== undefined && this.values.unexpired(field, this.replica(field)) !== undefined
  }

  set(key: string, value: unknown): Promise<Written> {
    return this.#write(() => [this.#accepted('set', key, value)])
  }

  setMany(values: Readonly<Record<string, unknown>>): Promise<Written> {
    return this.#write(() => Object.entries(values).map(([key, value]) => this.#accepted('setMany', key, value)))
  }

  update(key: string, next: (value: JsonValue | undefined) => unknown): Promise<Written> {
    const updated = (): readonly [Field, JsonValue] => {
      checkNext(key, next)
      return this.#accepted('update', key, next(this.current(key)))
    }
    const { store } = this.#parts
    if (!store) return this.#write(() => [updated()])
    return tracked(async () => {
      this.beforeWrite()
      const field = this.#settable('update', key)
      const subject = this.owner.subject(field)
      const permit = (): void => {
        this.permit([field])
        // During the store call, the request may have signed its visitor in or out.
        if (this.owner.subject(field) !== subject) throw visitorLeft()
      }
      permit()
      const update = { field, next: () => updated()[1], permit, source: this.source }
      const stamp = await store.updatesOf(subject)?.applyPersistently(subject, update)
      if (stamp === undefined) return this.#apply(new Map([updated()]))
      this.wrote(field)
      return { stamp, level: await this.recheck(await store.storedLevel([subject])) }
    }, this.report)
  }

  delete(key: string): Promise<Written> {
    return this.#write(() => [[this.#settable('delete', key), undefined]])
  }

  inspect(): ReadonlyMap<string, Inspection> {
    const inspections = new Map<string, Inspection>()
    const inCookie = stampsByKey(this.cookie)
    for (const field of this.#fields.values()) {
      const replica = this.replica(field)
      const source = replica?.source(field.key)
      if (!replica || !source) continue
      const stamp = replica.stamp(field.key)
      const value = replica.value(field.key)
      const isInCookie = inCookie.get(field.key) === stamp
      const isInStore = this.#parts.store?.hasStored(this.owner.subject(field), { key: field.key, stamp })
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

  /** Validates all changes before applying any. Applies them synchronously, before the caller's next line runs. */
  #write(changes: () => readonly (readonly [Field, JsonValue | undefined])[]): Promise<Written> {
    return tracked(() => {
      this.beforeWrite()
      const valid = changes()
      if (valid.length === 0) throw new LiveSessionError('malformed', 'setMany: expected at least one value')
      return this.#apply(new Map(valid))
    }, this.report)
  }

  #apply(changes: FieldChanges): Written | Promise<Written> {
    this.permit(changes.keys())
    const { owner } = this
    const stamp = this.values.write(changes, owner, this.source)
    for (const field of changes.keys()) this.wrote(field)
    if (!this.#parts.store) return { stamp, level: 'memory' }
    const subjects = new Set([...changes.keys()].map((field) => owner.subject(field)))
    return this.#parts.store.storedLevel(subjects).then(async (level) => ({ stamp, level: await this.recheck(level) }))
  }

  #accepted(method: string, key: string, value: unknown): readonly [Field, JsonValue] {
    const field = this.#settable(method, key)
    refusePromise(value, `${method}("${key}")`, AWAIT_IT)
    return [field, field.accept(value)]
  }

  /**
   * Returns the field of a key to write. The refusal of an undeclared key lists no hidden fields, because a client may have sent the key,
   * and may see the refusal.
   */
  #settable(method: string, key: string): Field {
    return this.#fields.get(key) ?? this.#refuse(method, key)
  }

  #refuse(method: string, key: string): never {
    const elsewhere = this.values.fields.get(key)
    if (elsewhere) throw elsewhere.refusal('undeclared_key', ofOther(method, elsewhere))
    const named = keysOf(this.#fields, ({ access }) => access !== 'hidden')
    throw new LiveSessionError('undeclared_key', undeclared(method, key, named), isKey(key) ? { key } : {})
  }

  /**
   * Returns the field of a key to read. A wrong key is usually a bug in a literal, so the warning lists all keys, in case the app swallows
   * the error.
   */
  protected declared(method: string, key: string): Field {
    const field = this.#fields.get(key)
    if (field) return field
    this.#warnOfKey(method, key)
    return this.#refuse(method, key)
  }

  /** Returns the field of a key to read. Where an error could end the process, warns of a wrong key, and returns undefined. */
  #readable(method: string, key: string): Field | undefined {
    if (this.#fields.has(key) || !this.isOver) return this.declared(method, key)
    this.#warnOfKey(method, key)
    return undefined
  }

  #warnOfKey(method: string, key: string): void {
    const elsewhere = this.values.fields.get(key)
    const message = elsewhere ? ofOther(method, elsewhere) : undeclared(method, key, keysOf(this.#fields))
    this.#parts.settings.warn(message, 'undeclared_key')
  }
}

function keysOf(fields: FieldMap, isNamed = (_: Field): boolean => true): readonly string[] {
  return [...fields.values()].filter(isNamed).map(({ key }) => key)
}

/** Explains why this handle lacks a field: a request does not name its tab, and a user may have several browsers. */
function ofOther(method: string, { key, scope }: Field): string {
  if (scope === 'tab') {
    const page = method === 'get' || method === 'has' ? ', or snapshot().values, which has it after a reload' : ''
    return `${method}("${key}"): the field has scope: 'tab', so only the tab's page and its socket have it. Use socket.liveSession${page}`
  }
  return `${method}("${key}"): the field has scope: '${scope}', and a user may have several browsers. Use ctx.liveSession or socket.liveSession`
}

/** Describes an undeclared key, and suggests a similar declared key. */
function undeclared(method: string, key: unknown, keys: readonly string[]): string {
  const declared = keys.length === 0 ? 'not declared.' : `not declared. Declared: ${keys.join(', ')}.`
  if (method === 'set' && typeof key === 'object') return `set(object): ${declared}${USE_SET_MANY}`
  if (!isKey(key)) return `${method}(${typeof key === 'string' ? `"${key.slice(0, 64)}"` : typeof key}): ${declared}`
  return `${method}("${key}"): ${declared}${didYouMean(key, keys)}`
}

/** The members that a feature adds to handles, by name. A rejected promise of a member never terminates the process. */
export type Members<U> = Readonly<Record<string, (use: U, ...args: never[]) => Awaitable<unknown>>>

/** Reports errors of promises not awaited by the app. */
interface Reporting {
  readonly report: (error: unknown) => void
}

/** A class of handles. `useOf` returns the interface through which features use a handle. */
interface HandleClass<H extends Reporting, U> {
  readonly prototype: H
  useOf(this: void, handle: H): U
}

/** Adds the members of features to a class of handles. */
export function addMembers<H extends Reporting, U, C>(
  Handles: C & HandleClass<H, U>,
  sets: readonly (Members<U> | undefined)[],
): C {
  for (const [name, member] of sets.flatMap((members) => Object.entries(members ?? {}))) {
    const value = function (this: H, ...args: never[]): Promise<unknown> {
      return tracked(() => member(Handles.useOf(this), ...args), this.report)
    }
    Object.defineProperty(Handles.prototype, name, { value, configurable: true, writable: true })
  }
  return Handles
}
