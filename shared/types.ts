// The options of a declared field, and the types inferred from them.

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

/** `T` if JSON carries `T` unchanged; otherwise a type to which `T` is not assignable. */
type JsonSafe<T> = [T] extends [JsonValue | undefined] ? T : JsonSafeDeep<T>
type JsonSafeDeep<T> = T extends Scalar | undefined
  ? T
  : T extends NeverJson
    ? never
    : T extends object
      ? { [K in keyof T]: JsonSafeDeep<T[K]> }
      : T

/** A value from `get`: deeply read-only in the types, frozen at run time. To change a part, `update` the key with a new value. */
export type Frozen<T> = [MutableJson] extends [T] ? JsonValue : FrozenDeep<T>
type FrozenDeep<T> = T extends Scalar | undefined ? T : T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T

/**
 * A browser's access to a field:
 *
 * - `'hidden'`: none; no cookie, ticket, page or error reveals even the existence of the field
 * - `'read'`: only the server sets the value
 * - `'write'`: the page may set the value too
 */
export type ClientAccess = 'hidden' | 'read' | 'write'
/**
 * The owner of a value:
 *
 * - `'user'`: the user, on every device; before a sign-in, the guest
 * - `'browser'`: only this browser, even while a user is signed in there
 * - `'tab'`: only this tab. A sign-out ends the value, and so does a sign-in, except with `onLogin: 'newest'`
 */
export type Scope = 'user' | 'browser' | 'tab'
/**
 * Decides whose value wins at a sign-in. Only fields with `client: 'write'`, and without `guests: 'read'`, carry a guest's value over.
 *
 * - `'account'`: the account's value; the guest's if the account never had a value
 * - `'newest'`: the last write
 * - `'drop'`: never the guest's value
 * - a function: combines both values, such as two carts, synchronously into a value that the schema accepts
 */
export type LoginRule<V = unknown> = 'account' | 'newest' | 'drop' | ((account: V, browser: V) => V)

/** The declaration of a field. */
export interface FieldSpec {
  /** Any Standard Schema (zod, valibot, arktype); synchronous. Its output must be JSON that the schema accepts and leaves unchanged. */
  readonly schema: StandardSchemaV1
  /** A JSON constant; cloned and frozen. Optional if the schema accepts `undefined` (`.default(x)`, `.optional()`). */
  readonly default?: unknown
  /**
   * The browser's access.
   *
   * @default 'read'
   */
  readonly client?: ClientAccess
  /**
   * With `client: 'write'`: makes the field read-only for the pages of guests, whose changes are refused as `users_only`. A guest's URL
   * does not set the field either, and a sign-in does not carry a guest's value over to the account.
   *
   * @default none: guests have the access that `client` names
   */
  readonly guests?: 'read'
  /**
   * The owner of the value. With `'tab'` the tab itself persists the value in sessionStorage (`keepTab`), across reloads, back navigation
   * and server restarts; the server keeps the value only while the tab's socket is open. No cookie, store or other tab has the value. A
   * sign-out ends the value, and so does a sign-in, except with `onLogin: 'newest'`. A duplicated tab begins with a copy. Not with `url`,
   * `cookie: true` or `client: 'hidden'`.
   *
   * @default 'user'
   */
  readonly scope?: Scope
  /**
   * Whether the cookie carries the value. A server restart loses values that are in neither the cookie nor a store.
   *
   * @default true; false if client is 'hidden'
   */
  readonly cookie?: boolean
  /**
   * Maximum bytes of the encoded value, including key and stamp; larger values are refused as `too_large`. Fields in the cookie share
   * `cookieBudget`; fields with `cookie: false` or `scope: 'tab'` share 24,000 bytes.
   *
   * @default an equal share of the remaining bytes; 24,000 if client is 'hidden'
   */
  readonly maxBytes?: number
  /**
   * Maximum members of a value from a page or a URL, in lists and objects at all depths: 1 to 10,000. Larger values are refused as
   * `too_large` before the schema runs. Values set by your own code are not limited.
   *
   * @default 1_000
   */
  readonly maxMembers?: number
  /**
   * ms since the last write after which the value expires and reads as the default, also in open pages: more than 0, at most 100 years.
   *
   * @default none: the value lives as long as the session
   */
  readonly maxAge?: number
  /**
   * Whether sockets join `live.room(key, value)` for their visitor's value. For numbers, booleans, strings and null; not with `maxAge`,
   * because no event marks the expiry of a value. With `client: 'write'` a page chooses its own room, so a room proves no permission.
   *
   * @default false
   */
  readonly rooms?: boolean
  /**
   * The URL parameter for the value of a field with `client: 'write'`. A URL with the parameter sets the field on a visit, whichever site
   * links there; the page keeps its URL in sync. Use this for view state (a filter), not for private data or values with side effects.
   *
   * @example
   * division: { schema: z.number().int(), default: -1, client: 'write', url: 'division' } // /costs?division=3
   */
  readonly url?: string
  /**
   * Decides whose value wins at a sign-in: see `LoginRule`. With `scope: 'tab'` no account has a value: `'newest'` keeps the guest's value.
   *
   * @default the plugin's onLogin; `'drop'` with `scope: 'tab'`
   */
  readonly onLogin?: 'account' | 'newest' | 'drop' | ((account: never, browser: never) => unknown)
  /**
   * Converts a value of an older build: called with a stored value that the schema rejects. Synchronous and pure. Without `migrate`, or if
   * the schema rejects its result, the field reads as its default. The stored value stays unchanged until the next write.
   */
  readonly migrate?: (stored: JsonValue) => unknown
}
/** The declared fields by key, as returned by `defineFields`. */
export type Fields = Readonly<Record<string, FieldSpec>>

/**
 * The type from which `defineFields` infers the fields. The parameter types of an `onLogin` function come only from the schema.
 *
 * @internal
 */
export type Declarations = Readonly<Record<string, Omit<FieldSpec, 'onLogin'> & { readonly onLogin?: unknown }>>
/** @internal */
export type Schemas = Readonly<Record<string, StandardSchemaV1>>
/**
 * The fields of these schemas: each schema types the parameters and the result of its `onLogin` function.
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
/** Matches no value, but makes TypeScript expect a literal, and so infer the type of a returned `'a'` as `'a'`, not as `string`. */
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
/**
 * The keys of the fields, grouped by the API that accepts them. An interface, because compiler errors show the keys of its members, but
 * only the name of a type alias.
 */
export interface Keys<F extends Fields> {
  /** All keys, for `socket.liveSession`. */
  readonly all: keyof F & string
  /** For `ctx.liveSession`: all but `scope: 'tab'`. */
  readonly request: { [K in keyof F]: ScopeOf<F[K]> extends 'tab' ? never : K }[keyof F] & string
  /** For `live.user(id)`: `scope: 'user'`. */
  readonly user: { [K in keyof F]: ScopeOf<F[K]> extends 'user' ? K : never }[keyof F] & string
  /** Readable by pages: all but `client: 'hidden'`. */
  readonly readable: { [K in keyof F]: ClientOf<F[K]> extends 'hidden' ? never : K }[keyof F] & string
  /** For `live.room(key, value)`: `rooms: true`. */
  readonly rooms: { [K in keyof F]: HasRooms<F[K]> extends true ? K : never }[keyof F] & string
  /** Writable by pages: `client: 'write'`. */
  readonly writable: (string extends keyof F
    ? Unregistered
    : { [K in keyof F]: ClientOf<F[K]> extends 'write' ? K : never }[keyof F]) &
    keyof F &
    string
}
/** Replaces the writable keys while no fields are registered: the compiler error then explains why. */
type Unregistered =
  "koa-live-session: no fields here. Is declare module 'koa-live-session/fields' { interface Register { fields: typeof fields } } in fields.ts, and is it imported here: import type {} from './fields.js'?"
/** The value of each key. */
export type Values<F extends Fields, K extends keyof F = keyof F> = { readonly [P in K]: Value<F[P]> }

/** The options of a field with `scope: 'tab'`. */
interface OfTab {
  readonly client?: Exclude<ClientAccess, 'hidden'>
  readonly cookie?: false
  readonly url?: undefined
  readonly onLogin?: 'newest' | 'drop'
}

/**
 * The constraints of `defineFields` on a field, so that editors underline the wrong option itself.
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
