import type { JsonValue } from '../../shared/json.js'

/** One key's newest known write, as stores keep it. Without a value it is a tombstone: the key was deleted at `stamp`. */
export interface StoredRow {
  /** A field's key, or one of the library's own, which begins with `$`. 1 to 255 bytes. */
  readonly key: string
  /** A safe integer of 1 or more: ms since 1970 if clocks behave. */
  readonly stamp: number
  /** Up to 64 kB of JSON; omitted if the key was deleted, which is not the same as `null`. */
  readonly value?: JsonValue | undefined
  /**
   * The computed changes (`update`) of about the last two minutes, at most 200: the id of each, up to 32 of `A-Za-z0-9_-`, and its stamp.
   * An empty id, in first place: none are known up to that stamp. A change sent again after a lost answer is looked up here, so that it is
   * applied once. Ids belong to their register: the newer one's stand; with equal stamp and value, any ids win over none. A store may omit
   * them: then a change accepted only by another process may be applied twice.
   */
  readonly ids?: readonly (readonly [id: string, stamp: number])[] | undefined
}

/** The limits for what `Store.sweep` deletes earlier or later than the rest, in ms since 1970. */
export interface SweepLimits {
  /**
   * For subjects whose name begins with `browser:`, and not before `before`: no cookie leads to them any more. A store that does not
   * distinguish them keeps them as long as the others.
   *
   * @default before
   */
  readonly guests?: number
  /**
   * For the keys `$epoch` and `$generation`, which say what has ended, and not after `before`. If a store deletes these with the rest,
   * `storeMaxIdle` must not be shorter than `maxAge`: a revoked cookie would become valid again.
   *
   * @default before
   */
  readonly ended?: number
}

/**
 * A place that outlives the process and that several nodes share: Redis, a database, or your own. It holds the registers of each subject,
 * and is one more replica: `merge` applies the merge rule within the store, not in a process in front of it, as another node may write at
 * the same moment.
 *
 * The rule: per key the larger `stamp` wins; on equal stamps the larger canonical JSON text of the value (keys sorted, all but ASCII
 * escaped), compared as bytes; a tombstone (a register without `value`) is the smallest. A tombstone is stored like any other register, and
 * is not the same as `null`.
 *
 * A stamp is a safe integer, 1 or more. A subject or key is a text of 1 to 255 bytes in UTF-8 without U+0000, in which each byte counts:
 * also case, accents and trailing spaces. A value takes up to 64 kB, as escaped text up to six times that.
 *
 * Each method rejects if it cannot do its part; its write may then have happened or not, and a write that comes late, or twice, does no
 * harm. It need not wait for a connection: the plugin has its own deadline, continues without the store and tries again. `storeContract` of
 * `koa-live-session/testing` checks whether a store keeps this contract.
 *
 * An unreadable row (edited by hand, damaged, or from another program) must not keep the others from loading, nor be taken for a tombstone.
 * Return what can be read of it, with `Number.NaN` as the stamp or value that cannot: the plugin checks everything that a store returns,
 * skips what is invalid, and reports it.
 */
export interface Store {
  /** ms after which it forgets unused subjects on its own; undefined if it keeps everything until `sweep`. */
  readonly maxIdle?: number
  /** Returns all registers of the subject, in any order; none for an unknown subject, which it does not create. A use: see `sweep`. */
  load(subject: string): Promise<readonly StoredRow[]>
  /**
   * Applies each register that is newer than what stands, preferably all or none, and resolves when they are as durable as the store makes
   * them. Returns what now stands for these keys, each once. A key may be passed twice. Counts as a use: see `sweep`.
   */
  merge(subject: string, registers: readonly StoredRow[]): Promise<readonly StoredRow[]>
  /**
   * For `update`: writes only if the key's stamp is still `expected` (0: absent), and returns whether it has. The register's stamp is
   * larger than that, except when replacing a row whose stamp no clock can have given. Of several at once, exactly one gets `true`. Counts
   * as a use if it writes: see `sweep`.
   */
  compareAndSet(subject: string, register: StoredRow, expected: number): Promise<boolean>
  /** Deletes the subject with all its registers, including tombstones. */
  remove(subject: string): Promise<void>
  /**
   * Deletes the subject's tombstones whose stamps are smaller than `before`, and nothing else: no older write will come any more. Not a
   * use. A store without it keeps the deleted keys of an app's own session (`live.sessionStore()`) until that has ended, and what is deleted
   * from a user's list of devices for good.
   */
  prune?(subject: string, before: number): Promise<void>
  /**
   * Deletes the subjects not used since `before` (ms since 1970), and returns how many. A store may record uses only now and then, but at
   * least once a day while there are any; it then keeps a subject that much longer, never shorter. One that lets them expire on its own may
   * return 0.
   *
   * @param limits for what is deleted earlier or later
   */
  sweep(before: number, limits?: SweepLimits): Promise<number>
  /** Releases what the store itself has opened, and nothing that it was given. Idempotent. Its data stays. */
  close(): Promise<void>
}

/** The beginning of browsers' names in a store. */
export const BROWSERS = 'browser:'

export const STORE_METHODS: readonly (keyof Store)[] = ['load', 'merge', 'compareAndSet', 'remove', 'sweep', 'close']

/** Returns whether it has the methods of a store. */
export function isStore(store: unknown): store is Store {
  return STORE_METHODS.every((method) => typeof Reflect.get(Object(store), method) === 'function')
}
