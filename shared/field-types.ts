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

/** What `get` returns: deep read-only in the types, frozen at run time. To change a part of a value, `update` it with a new one. */
export type Frozen<T> = [MutableJson] extends [T] ? JsonValue : FrozenDeep<T>
type FrozenDeep<T> = T extends Scalar | undefined ? T : T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T

/**
 * What a browser may do with a field. `'hidden'`: not even see that there is one; it is in no cookie, ticket, page or error. `'read'`: the
 * server sets it. `'write'`: the page may set it, too.
 */
export type ClientAccess = 'hidden' | 'read' | 'write'
/** Whose value it is: the `'user'`'s on every device, or this `'browser'`'s alone, also while a user is signed in there. */
export type Scope = 'user' | 'browser'
/**
 * Whose value stands when a visitor signs in. `'account'`: the account's, where it ever had one. `'newest'`: the one that was written last.
 * `'drop'`: never the visitor's. A function combines both (a cart): it answers at once, with what the schema accepts. Only fields with
 * `client: 'write'` cross.
 */
export type LoginRule<V = unknown> = 'account' | 'newest' | 'drop' | ((account: V, browser: V) => V)

/** The declaration of one value. */
export interface FieldSpec {
  /** Any Standard Schema (zod, valibot, arktype); synchronous. Its output must be JSON, and must satisfy the schema again. */
  readonly schema: StandardSchemaV1
  /** A JSON constant, cloned and frozen. May be left out where the schema accepts `undefined` (`.default(x)`, `.optional()`). */
  readonly default?: unknown
  /**
   * What the browser may do.
   *
   * @default 'read'
   */
  readonly client?: ClientAccess
  /**
   * Whose value it is.
   *
   * @default 'user'
   */
  readonly scope?: Scope
  /**
   * Whether the cookie carries it. Without it, and without a store, a restart of the server loses the value.
   *
   * @default true; false where client is 'hidden'
   */
  readonly cookie?: boolean
  /**
   * Bytes that the encoded value may take, key and stamp included: a larger value is refused as `too_large`. The fields in the cookie share
   * `cookieBudget`, those with `cookie: false` share 24,000 bytes.
   *
   * @default an equal share of what is left; 24,000 where client is 'hidden'
   */
  readonly maxBytes?: number
  /**
   * Members, in lists and objects at all depths, of what a page or an address may set: 1 to 10,000. More is refused as `too_large`, before the
   * schema sees it. What your own code sets is not counted.
   *
   * @default 1_000
   */
  readonly maxMembers?: number
  /**
   * ms since the last write after which the default is read. A positive whole number.
   *
   * @default as long as the session lives
   */
  readonly maxAge?: number
  /**
   * The parameter of the page's address that says the value, of a field with `client: 'write'`. A visit with it sets the field, from
   * whatever site the link is, and the page keeps its address in step. For what is seen, as a filter is: not for what is private, or does
   * something.
   *
   * @example
   * division: { schema: z.number().int(), default: -1, client: 'write', url: 'division' } // /costs?division=3
   */
  readonly url?: string
  /**
   * Whose value stands when a visitor signs in: see `LoginRule`.
   *
   * @default the plugin's onLogin
   */
  readonly onLogin?: 'account' | 'newest' | 'drop' | ((account: never, browser: never) => unknown)
  /**
   * Makes an older build's value readable: called with a stored value that the schema refuses. Synchronous and pure. Without it, or where the
   * schema refuses what it returns, the default is read. What is stored stays as it is until it is set again.
   */
  readonly migrate?: (stored: JsonValue) => unknown
}
/** A declaration: by key, the field. What `defineFields` returns is one. */
export type Fields = Readonly<Record<string, FieldSpec>>

/**
 * What `defineFields` infers a declaration from. A rule gets the types of its parameters from the schema alone.
 *
 * @internal
 */
export type Declarations = Readonly<Record<string, Omit<FieldSpec, 'onLogin'> & { readonly onLogin?: unknown }>>
/** @internal */
export type Schemas = Readonly<Record<string, StandardSchemaV1>>
/**
 * The fields of these schemas: what a rule is given, and what it answers, follows from its schema.
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
/** Of no value: TypeScript takes what a function returns as it is written, `'a'` for no other string, where a literal is expected. */
type Literal = ('' | 0 | true) & { readonly [literal]: true }
declare const literal: unique symbol

type Output<F> = F extends { readonly schema: infer S extends StandardSchemaV1 }
  ? StandardSchemaV1.InferOutput<S>
  : never
type Input<F> = F extends { readonly schema: infer S extends StandardSchemaV1 } ? StandardSchemaV1.InferInput<S> : never
/** A field's value, as `get` returns it. */
export type Value<F> = Frozen<Output<F>>
/** What `set` takes: never `undefined` (use `delete`). */
export type Settable<F> = Frozen<Exclude<Output<F>, undefined>>

type ClientOf<F> = F extends { readonly client: infer C extends ClientAccess } ? C : 'read'
type ScopeOf<F> = F extends { readonly scope: infer S extends Scope } ? S : 'user'
/** The keys by what may be done with them; indexed rather than aliased, so that errors list the keys. */
export interface Keys<F extends Fields> {
  /** All of them: those of `socket.liveSession`. */
  readonly all: keyof F & string
  /** Those of `ctx.liveSession`. */
  readonly request: keyof F & string
  /** Those with `scope: 'user'`, of `live.user(id)`. */
  readonly user: { [K in keyof F]: ScopeOf<F[K]> extends 'user' ? K : never }[keyof F] & string
  /** Those that a page may read: all but `client: 'hidden'`. */
  readonly readable: { [K in keyof F]: ClientOf<F[K]> extends 'hidden' ? never : K }[keyof F] & string
  /** Those that a page may set: `client: 'write'`. */
  readonly writable: (string extends keyof F
    ? Unregistered
    : { [K in keyof F]: ClientOf<F[K]> extends 'write' ? K : never }[keyof F]) &
    keyof F &
    string
}
/** In place of the keys that a page may write, where nothing says what they are. */
type Unregistered =
  "koa-live-session: no fields here. Is declare module 'koa-live-session/fields' { interface Register { fields: typeof fields } } in fields.ts, and is it imported here: import type {} from './fields.js'?"
/** By key, the value. */
export type Values<F extends Fields, K extends keyof F = keyof F> = { readonly [P in K]: Value<F[P]> }

/**
 * What `defineFields` demands of a declaration, so that a mistake is underlined where it is made.
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
      : { readonly default: Settable<F> }) & {
    readonly [K in Exclude<keyof F, keyof FieldSpec>]: readonly ['koa-live-session: no such option of a field']
  }
