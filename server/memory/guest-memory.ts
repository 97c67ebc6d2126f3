// Bounds the memory of guests' data, by evicting the oldest.

/** A `RotatingCache` of guest data. */
interface GuestCache {
  /** Drops the older entries. */
  rotate(this: void): void
}

/** The memory bounds of feature data, such as app sessions. Guests' feature data shares the bound of all guest data. */
export interface Budgets {
  readonly guests: GuestMemory
  readonly users: GuestMemory
}

interface Pin {
  readonly bytes: number
  free(this: void): void
}

/**
 * The memory bound for all guest data in this process, because an attacker can create unlimited guests. The caches of guests share the
 * bound and rotate together, which evicts the oldest data of each cache. Data in use is pinned, up to half of the bound. Beyond that half,
 * the oldest pins end, and their owners free the data.
 */
export class GuestMemory {
  readonly #max: number
  readonly #caches: GuestCache[] = []
  /** Oldest first. */
  readonly #pins = new Map<object, Pin>()
  #newer = 0
  #older = 0
  #pinned = 0

  constructor(max: number) {
    this.#max = max
  }

  join(cache: GuestCache): void {
    this.#caches.push(cache)
  }

  /** Adds to the byte counts of the caches' newer and older entries; a negative number subtracts. */
  grow(newer: number, older: number): void {
    this.#newer += newer
    this.#older += older
  }

  /** If the caches exceed the bound, rotates all of them, which evicts their older entries. */
  fit(): void {
    const space = this.#max - this.#pinned
    if (this.#newer <= space / 2 && this.#newer + this.#older <= space) return
    for (const { rotate } of this.#caches) rotate()
  }

  /**
   * Pins an object of this size in bytes, or changes the size of its pin; 0 unpins the object.
   *
   * @param free called when the bound ends this pin: the owner must free the memory
   */
  pin(what: object, bytes: number, free: () => void = () => undefined): void {
    if (bytes === 0 && !this.#pins.has(what)) return
    this.#setPin(what, bytes > 0 ? { bytes, free } : undefined)
    for (const [oldest, pin] of this.#pins) {
      if (this.#pinned <= this.#max / 2) break
      this.#setPin(oldest, undefined)
      pin.free()
    }
    this.fit()
  }

  #setPin(what: object, pin: Pin | undefined): void {
    this.#pinned += (pin?.bytes ?? 0) - (this.#pins.get(what)?.bytes ?? 0)
    if (pin) this.#pins.set(what, pin)
    else this.#pins.delete(what)
  }
}
