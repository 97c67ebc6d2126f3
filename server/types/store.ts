// The interface of stores, with the contract of each method, and a check for the methods.

import type { JsonValue } from '../../shared/json.js'

/** A stored register: the newest known write of a key. Without a value, a tombstone: the key was deleted at `stamp`. */
export interface StoredRegister {
  /**
   * A field's key, or an internal key of the library, which begins with `$`. 1 to 255 bytes. Stores themselves read `$epoch`, `$generation`
   * and `$maxAge`: see `Store.sweep`.
   */
  readonly key: string
  /** A safe integer of 1 or more: ms since 1970 if clocks behave. */
  readonly stamp: number
  /** Up to 64 kB of JSON; omitted for a deleted key, which is not the same as `null`. */
  readonly value?: JsonValue | undefined
  /**
   * Idempotency keys, by which the plugin applies a retried `update` once. Each item is an update of about the last two minutes: its id (up
   * to 32 characters of `A-Za-z0-9_-`) and its stamp. The plugin writes at most 20 items; a store should keep up to 200. An empty id as the
   * first item means that older ids, up to this item's stamp, are unknown. A newer register replaces the ids with its own. If stamp and
   * value are equal, a register with ids wins over one without. If a store omits ids, an update accepted only by another process may be
   * applied twice.
   */
  readonly ids?: readonly (readonly [id: string, stamp: number])[] | undefined
}

/** The limits for data that `Store.sweep` deletes earlier or later than the rest, in ms since 1970. */
export interface SweepLimits {
  /**
   * Deletes subjects whose name begins with `browser:` if not used since this time: their cookies have expired. This limit is
   * `before` or later. A store may instead keep these subjects as long as the others.
   *
   * @default before
   */
  readonly guests?: number
  /**
   * Of subjects used since this time, keeps the keys `$epoch` and `$generation`, which record revocations and erasures. This limit is
   * `before` or earlier. If a store deletes these keys with the rest, `storeMaxIdle` must be `maxAge` or longer: otherwise a revoked cookie
   * would become valid again.
   *
   * @default before
   */
  readonly revocations?: number
}

/**
 * Durable storage, shared by several nodes: Redis, a database, or your own. A store is one more replica: it holds the registers of each
 * subject. `merge` applies the merge rule inside the store, because another node may write at the same time.
 *
 * The rule: per key the larger `stamp` wins. On equal stamps, the larger canonical JSON text of the value wins (keys sorted, non-ASCII
 * characters escaped), compared as bytes; a tombstone (a register without `value`) is the smallest. Store a tombstone like any other
 * register; a tombstone is not the same as `null`.
 *
 * A stamp is a safe integer, 1 or more. A subject or key is a text of 1 to 255 bytes in UTF-8 without U+0000. Compare them byte by byte:
 * case, accents and trailing spaces are significant. A value takes up to 64 kB, as escaped text up to six times as much.
 *
 * Each method rejects on failure, whether or not the write has happened. A late or repeated write does no harm. A method need not wait for
 * a connection: the plugin has its own deadline, continues without the store and retries. `koa-live-session/store` has the rules as
 * functions, and `storeContract` of `koa-live-session/testing` checks whether a store keeps this contract.
 *
 * An unreadable register (edited by hand, damaged, or from another program) must not prevent the others from loading, nor look like a
 * tombstone. Return its readable parts, with `Number.NaN` as an unreadable stamp or value, as `decodeRegister` does: the plugin validates
 * all registers from a store, and skips and reports invalid registers.
 */
export interface Store {
  /** ms after which unused subjects expire in the store by themselves; undefined if the store keeps everything until `sweep`. */
  readonly maxIdle?: number
  /** Returns all registers of the subject, in any order; none for an unknown subject, without creating it. Counts as a use: see `sweep`. */
  load(subject: string): Promise<readonly StoredRegister[]>
  /**
   * Applies, preferably atomically, each register newer than the stored register, and resolves when the write is as durable as the store
   * allows. Returns the current registers of these keys, each once. Accepts duplicate keys. Counts as a use: see `sweep`.
   */
  merge(subject: string, registers: readonly StoredRegister[]): Promise<readonly StoredRegister[]>
  /**
   * For `update`: writes only if the key's stamp is still `expected` (0: the key is absent), and returns whether it wrote. The register's
   * stamp is larger than `expected`, except when it replaces a register whose stamp is too far in the future. Of concurrent calls, exactly
   * one gets `true`. A write counts as a use: see `sweep`.
   */
  compareAndSet(subject: string, register: StoredRegister, expected: number): Promise<boolean>
  /** Deletes the subject with all its registers, including tombstones. */
  remove(subject: string): Promise<void>
  /**
   * Deletes the subject's registers and tombstones, except `$epoch` and `$generation`, which record that it has ended. Without this method,
   * the plugin calls `remove`, and then writes these two again. If another node loads a session between these calls, a sign-out there does
   * not end the session with which `regenerate()` has replaced it.
   */
  removeValues?(subject: string): Promise<void>
  /**
   * Deletes only the subject's tombstones whose stamps are smaller than `before`: the plugin no longer makes writes that old. Does not
   * count as a use. A store without `prune` keeps deleted keys of an app's own session (`live.sessionStore()`) until the session ends, and
   * deleted entries of a user's list of devices for good.
   */
  prune?(subject: string, before: number): Promise<void>
  /**
   * Deletes the subjects not used since `before` (ms since 1970), and returns how many. A store may record a subject's use only once a day:
   * such a store must keep the subject up to a day longer, never shorter. A store with expiry of its own may return 0.
   *
   * If the value of `$maxAge` is a number, it is the subject's own lifetime in ms. A sweep also deletes a subject that was unused for
   * longer, except `$epoch` and `$generation`; a negative number deletes at once. If uses are recorded late, it may delete up to a day
   * later. Sessions, and the marks of used hand-offs and shown messages, have such a lifetime. A store that ignores it keeps them for
   * `storeMaxIdle`.
   *
   * @param limits for data deleted earlier or later
   */
  sweep(before: number, limits?: SweepLimits): Promise<number>
  /** Releases resources opened by the store itself, but no client passed to it. Idempotent. Keeps all data. */
  close(): Promise<void>
}

/** The prefix of browsers' subjects in a store. */
export const BROWSERS = 'browser:'

export const STORE_METHODS: readonly (keyof Store)[] = ['load', 'merge', 'compareAndSet', 'remove', 'sweep', 'close']

/** Returns whether an object has the methods of a store. */
export function isStore(store: unknown): store is Store {
  return STORE_METHODS.every((method) => typeof Reflect.get(Object(store), method) === 'function')
}
