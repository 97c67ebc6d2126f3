// The options that a field can be declared with, and the types of values that follow from them.

import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { JsonValue } from './json.js'

type Scalar = string | number | boolean | null
type NeverJson =
  | bigint
  | symbol
  | Date
  | RegExp
  | Map<unknown, unknown>
  | Set<unknown>
  | ArrayBuffer
  | ArrayBufferView
  | Promise<unknown>
  | ((...args: never[]) => unknown)
type MutableJson = Scalar | MutableJson[] | { [key: string]: MutableJson }

/** `T` when JSON can carry it unchanged, else a type that `T` is not assignable to. */
type JsonSafe<T> = [T] extends [JsonValue | undefined] ? T : JsonSafeDeep<T>
type JsonSafeDeep<T> = T extends Scalar | undefined
  ? T
  : T extends NeverJson
    ? never
    : T extends object
      ? { [K in keyof T]: JsonSafeDeep<T[K]> }
      : T

/** A value as `get` returns it: deeply read-only in the types, frozen at run time. To change part of one, `update` it with a new one. */
export type Frozen<T> = [MutableJson] extends [T] ? JsonValue : FrozenDeep<T>
type FrozenDeep<T> = T extends Scalar | undefined ? T : T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T

/**
 * A browser's access to a field. `'hidden'`: not even its existence is visible; it is in no cookie, ticket, page or error. `'read'`: only
 * the server sets it. `'write'`: the page may set it too.
 */
export type ClientAccess = 'hidden' | 'read' | 'write'
/**
 * The owner of a value: the `'user'` on every device; this `'browser'` alone, even while a user is signed in there; or this `'tab'` alone,
 * until a sign-in or sign-out.
 */
export type Scope = 'user' | 'browser' | 'tab'
/**
 * The value that wins when a visitor signs in. `'account'`: the account's, if it ever had one. `'newest'`: the one written last. `'drop'`:
 * never the visitor's. A function combines both (a cart): it is synchronous, and returns what the schema accepts. Only fields with `client:
 * 'write'` carry over.
 */
export type LoginRule<V = unknown> = 'account' | 'newest' | 'drop' | ((account: V, browser: V) => V)

/** The declaration of one value. */
export interface FieldSpec {
  /** Any Standard Schema (zod, valibot, arktype); synchronous. Its output must be JSON, and must satisfy the schema again. */
  readonly schema: StandardSchemaV1
  /** A JSON constant, cloned and frozen. May be omitted if the schema accepts `undefined` (`.default(x)`, `.optional()`). */
  readonly default?: unknown
  /**
   * What the browser may do with it.
   *
   * @default 'read'
   */
  readonly client?: ClientAccess
  /**
   * With `client: 'write'`: a guest's page only reads it, and its changes are refused as `users_only`. Nor does a URL set it for a guest, and
   * what a guest has of it does not go to the account at a sign-in.
   *
   * @default guests may do what `client` says
   */
  readonly guests?: 'read'
  /**
   * Who owns the value. With `'tab'` the tab keeps it itself, in sessionStorage (`keepTab`), and the server only while its socket is open: over
   * reloads, back and restarts. A duplicated tab begins with a copy. It is in no cookie, store or other tab, and ends at a sign-in or
   * sign-out. Not with `url`, `onLogin`, `cookie: true` or `client: 'hidden'`.
   *
   * @default 'user'
   */
  readonly scope?: Scope
  /**
   * Whether the cookie carries the value. If not, and without a store, a restart of the server loses it.
   *
   * @default true; false if client is 'hidden'
   */
  readonly cookie?: boolean
  /**
   * Bytes that the encoded value may take, including key and stamp: a larger value is refused as `too_large`. Fields in the cookie share
   * `cookieBudget`, those with `cookie: false` share 24,000 bytes.
   *
   * @default an equal share of what is left; 24,000 if client is 'hidden'
   */
  readonly maxBytes?: number
  /**
   * Members that a value set by a page or a URL may have, in lists and objects at all depths: 1 to 10,000. A larger one is refused as
   * `too_large` before the schema sees it. Values set by your own code are not counted.
   *
   * @default 1_000
   */
  readonly maxMembers?: number
  /**
   * ms since the last write after which the value expires and the default is read, also in open pages. A positive whole number.
   *
   * @default as long as the session lives
   */
  readonly maxAge?: number
  /**
   * Whether the sockets of its visitors are in `live.room(key, value)`. For numbers, booleans, texts and null; not with `maxAge`, as nothing
   * tells when a value expires. If `client` is `'write'`, a page chooses its room itself: a subscription, no permission.
   *
   * @default false
   */
  readonly rooms?: boolean
  /**
   * The parameter of the page's URL that holds the value of a field with `client: 'write'`. Visiting such a URL sets the field, whatever
   * site links to it, and the page keeps its URL in sync. Use it for view state such as a filter, not for anything private or with side
   * effects.
   *
   * @example
   * division: { schema: z.number().int(), default: -1, client: 'write', url: 'division' } // /costs?division=3
   */
  readonly url?: string
  /**
   * Whose value wins when a visitor signs in: see `LoginRule`.
   *
   * @default the plugin's onLogin
   */
  readonly onLogin?: 'account' | 'newest' | 'drop' | ((account: never, browser: never) => unknown)
  /**
   * Converts a value of an older build: called with a stored value that the schema refuses. Synchronous and pure. Without it, or if the
   * schema refuses its result, the default is read. The stored value stays unchanged until it is set again.
   */
  readonly migrate?: (stored: JsonValue) => unknown
}
/** A declaration: each key's field, as `defineFields` returns them. */
export type Fields = Readonly<Record<string, FieldSpec>>

/**
 * The type from which `defineFields` infers a declaration. A rule's parameter types come from the schema alone.
 *
 * @internal
 */
export type Declarations = Readonly<Record<string, Omit<FieldSpec, 'onLogin'> & { readonly onLogin?: unknown }>>
/** @internal */
export type Schemas = Readonly<Record<string, StandardSchemaV1>>
/**
 * The fields of these schemas: a rule's parameters and result are typed by its schema.
 *
 * @internal
 */
export type Rules<S extends Schemas> = {
  readonly [K in keyof S]: Omit<FieldSpec, 'schema' | 'onLogin'> & {
    readonly schema: S[K]
    readonly onLogin?:
      | Exclude<LoginRule, (...args: never) => unknown>
      | Rule<Frozen<Exclude<StandardSchemaV1.InferOutput<S[K]>, undefined>>>
  }
}
type Rule<V> = (account: V, browser: V) => V | Literal
/** A type of no value: where a literal is expected, TypeScript infers what a function returns as a literal, `'a'` instead of `string`. */
type Literal = ('' | 0 | true) & { readonly [literal]: true }
declare const literal: unique symbol

type Output<F> = F extends { readonly schema: infer S extends StandardSchemaV1 }
  ? StandardSchemaV1.InferOutput<S>
  : never
type Input<F> = F extends { readonly schema: infer S extends StandardSchemaV1 } ? StandardSchemaV1.InferInput<S> : never
/** A field's value, as returned by `get`. */
export type Value<F> = Frozen<Output<F>>
/** A value that `set` accepts: never `undefined` (use `delete`). */
export type Settable<F> = Frozen<Exclude<Output<F>, undefined>>

type ClientOf<F> = F extends { readonly client: infer C extends ClientAccess } ? C : 'read'
type ScopeOf<F> = F extends { readonly scope: infer S extends Scope } ? S : 'user'
type HasRooms<F> = F extends { readonly rooms: true } ? true : false
/** Keys grouped by what may be done with them; indexed rather than aliased, so that errors list the keys. */
export interface Keys<F extends Fields> {
  /** All keys: those of `socket.liveSession`. */
  readonly all: keyof F & string
  /** Those of `ctx.liveSession`: all but `scope: 'tab'`. */
  readonly request: { [K in keyof F]: ScopeOf<F[K]> extends 'tab' ? never : K }[keyof F] & string
  /** Those with `scope: 'user'`, of `live.user(id)`. */
  readonly user: { [K in keyof F]: ScopeOf<F[K]> extends 'user' ? K : never }[keyof F] & string
  /** Those that a page may read: all but `client: 'hidden'`. */
  readonly readable: { [K in keyof F]: ClientOf<F[K]> extends 'hidden' ? never : K }[keyof F] & string
  /** Those of `live.room(key, value)`: `rooms: true`. */
  readonly rooms: { [K in keyof F]: HasRooms<F[K]> extends true ? K : never }[keyof F] & string
  /** Those that a page may set: `client: 'write'`. */
  readonly writable: (string extends keyof F
    ? Unregistered
    : { [K in keyof F]: ClientOf<F[K]> extends 'write' ? K : never }[keyof F]) &
    keyof F &
    string
}
/** Replaces the keys that a page may write if no fields are registered. */
type Unregistered =
  "koa-live-session: no fields here. Is declare module 'koa-live-session/fields' { interface Register { fields: typeof fields } } in fields.ts, and is it imported here: import type {} from './fields.js'?"
/** The value of each key. */
export type Values<F extends Fields, K extends keyof F = keyof F> = { readonly [P in K]: Value<F[P]> }

/** What a field of a tab can be. */
interface OfTab {
  readonly client?: Exclude<ClientAccess, 'hidden'>
  readonly cookie?: false
  readonly url?: undefined
  readonly onLogin?: undefined
}

/**
 * The constraints that `defineFields` puts on a declaration, so that a mistake is underlined where it is made.
 *
 * @internal
 */
export type CheckField<F> = ([Output<F>] extends [JsonSafe<Output<F>>]
  ? unknown
  : { readonly schema: 'koa-live-session: the schema must produce JSON (no Date, Map, Set, bigint, function)' }) &
  ([Exclude<Output<F>, undefined>] extends [Input<F>]
    ? unknown
    : { readonly schema: 'koa-live-session: the schema must accept its own output (no type-changing transform)' }) &
  (F extends { readonly default: infer D }
    ? [D] extends [Settable<F>]
      ? unknown
      : { readonly default: readonly ['koa-live-session: default must be', Settable<F>] }
    : undefined extends Input<F>
      ? unknown
      : { readonly default: Settable<F> }) &
  (F extends { readonly rooms: true }
    ? [Output<F>] extends [Scalar]
      ? unknown
      : { readonly rooms: 'koa-live-session: rooms are of numbers, booleans, texts and null' }
    : unknown) &
  (F extends { readonly scope: 'tab' } ? OfTab : unknown) & {
    readonly [K in Exclude<keyof F, keyof FieldSpec>]: readonly ['koa-live-session: no such option of a field']
  }
