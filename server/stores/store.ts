import type { JsonValue } from '../../shared/json.js'

/** One key's newest known write, as stores have it. Without a value it is a tombstone: the key was deleted at `stamp`. */
export interface StoredRow {
  /** The field's, or one of the library's own, which begins with `$`. 1 to 255 bytes. */
  readonly key: string
  /** A safe integer of 1 or more: ms since 1970 where clocks behave. */
  readonly stamp: number
  /** Up to 64 kB of JSON; left out where the key was deleted, which is something else than `null`. */
  readonly value?: JsonValue | undefined
  /**
   * The computed changes (`update`) of about the last two minutes, at most 200: the name of each, up to 32 of `A-Za-z0-9_-`, and the stamp that it
   * got. Without a name, first: up to that stamp none are known. What is sent again after a lost answer is looked for here, so that it is applied once. They go with their register: the newer one's stand.
   * Of the same stamp and value, those that are there stand over none. A store may leave them out: then what only another process has taken
   * may be applied twice.
   */
  readonly ids?: readonly (readonly [id: string, stamp: number])[] | undefined
}

/** For what `Store.sweep` deletes earlier or later than the rest, in ms since 1970. */
export interface SweepLimits {
  /**
   * Of subjects whose name begins with `browser:`, and not before `before`: no cookie leads to them any more. A store that does not tell them
   * apart keeps them with the others.
   *
   * @default before
   */
  readonly guests?: number
  /**
   * Of the keys `$epoch` and `$generation`, which say what has ended, and not after `before`. Where a store deletes it with the rest, `storeMaxIdle` must not be
   * shorter than `maxAge`: a cookie that was revoked would be good again.
   *
   * @default before
   */
  readonly ended?: number
}

/**
 * A place that outlives the process and that several nodes share: Redis, a database, your own. It holds the registers of each
 * subject, and it is one more replica: `merge` decides by the one rule, within the store and not in a process before it, as another
 * node writes at the same moment.
 *
 * The rule: per key the larger `stamp` wins; on equal stamps the larger canonical JSON text of the value (keys sorted, all but
 * ASCII escaped), compared as bytes; a tombstone (a register without `value`) is the smallest. A tombstone is stored like any
 * other register, and it is something else than `null`.
 *
 * A stamp is a safe integer, 1 or more. A subject, or a key, is a text of 1 to 255 bytes in UTF-8 without U+0000, of which each byte
 * counts: case, accents and spaces at its end too. A value takes up to 64 kB, as escaped text up to six times of that.
 *
 * Each method rejects where it cannot do its part; what it was to write may then be written or not, and a write that comes late, or
 * twice, does no harm. It need not wait for a connection: the plugin has a deadline of its own, goes on without the store and
 * tries again. Whether a store keeps all this is what `storeContract` of `koa-live-session/testing` finds out.
 *
 * A row that cannot be read (by hand, by a fault, by another program) must not keep the others from loading, nor be taken for a
 * tombstone. Hand it over with what of it can be read, and `Number.NaN` as the stamp or the value that cannot: the plugin checks all
 * that a store answers with, skips what is not sound, and says so.
 */
export interface Store {
  /** ms after which it forgets on its own what was not used; none where it keeps all until `sweep`. */
  readonly maxIdle?: number
  /** All registers of the subject, in any order; none of a subject that it does not know, which it does not create. A use: see `sweep`. */
  load(subject: string): Promise<readonly StoredRow[]>
  /**
   * Takes each register over that is newer than what stands, best all or none, and resolves when they are as durable as the store
   * makes them. Answers with what now stands for these keys, each once. A key may be there twice. A use: see `sweep`.
   */
  merge(subject: string, registers: readonly StoredRow[]): Promise<readonly StoredRow[]>
  /**
   * For `update`: writes only where the key's stamp is still `expected` (0: absent), and says whether it has. The register's stamp
   * is larger than that, but where a row is replaced whose stamp no clock can have given. Of several at once, exactly one is told
   * `true`. A use, where it writes: see `sweep`.
   */
  compareAndSet(subject: string, register: StoredRow, expected: number): Promise<boolean>
  /** Deletes the subject with all its registers, tombstones too. */
  remove(subject: string): Promise<void>
  /**
   * Deletes the tombstones of the subject whose stamps are smaller than `before`, and nothing else: no write that is older comes any more.
   * No use. A store without it keeps the keys that were deleted from an app's own session (`live.sessionStore()`) until that has ended.
   */
  prune?(subject: string, before: number): Promise<void>
  /**
   * Deletes the subjects that were not used since `before` (ms since 1970), and says how many. A store may note uses only now and
   * then, at least once a day while there are any; it then keeps a subject for so much longer, never shorter. One that lets them
   * expire on its own may answer 0.
   *
   * @param limits for what goes earlier, or later
   */
  sweep(before: number, limits?: SweepLimits): Promise<number>
  /** Gives back what the store itself has opened, and nothing that it was given. Idempotent. What it holds stays. */
  close(): Promise<void>
}

/** How the names of browsers begin, in a store. */
export const BROWSERS = 'browser:'

export const STORE_METHODS: readonly (keyof Store)[] = ['load', 'merge', 'compareAndSet', 'remove', 'sweep', 'close']

/** Whether it can be called as a store. */
export function isStore(store: unknown): store is Store {
  return STORE_METHODS.every((method) => typeof Reflect.get(Object(store), method) === 'function')
}
