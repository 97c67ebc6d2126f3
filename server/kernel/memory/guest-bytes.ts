/** A cache of what guests leave, as `GuestBytes` knows it. */
interface Halves {
  /** Drops the old half: the young one is the old one from now on. */
  rotate(this: void): void
}

interface Pin {
  readonly bytes: number
  letGo(this: void): void
}

/**
 * The one bound for all that guests can leave in this process, as any stranger can be any number of guests. Caches that have joined share
 * it, and turn over together, so that the oldest of everything goes. What has to stay for now is pinned: up to half of the bound,
 * and beyond that those go first that were pinned first.
 */
export class GuestBytes {
  readonly #max: number
  readonly #caches: Halves[] = []
  /** In the order in which they came. */
  readonly #pins = new Map<object, Pin>()
  #young = 0
  #old = 0
  #pinned = 0

  constructor(max: number) {
    this.#max = max
  }

  join(cache: Halves): void {
    this.#caches.push(cache)
  }

  /** Records how many more bytes the two halves of a cache take. */
  grow(young: number, old: number): void {
    this.#young += young
    this.#old += old
  }

  /** Makes room by letting the old halves go, if there is too little. */
  fit(): void {
    const room = this.#max - this.#pinned
    if (this.#young <= room / 2 && this.#young + this.#old <= room) return
    for (const { rotate } of this.#caches) rotate()
  }

  /**
   * Records how many bytes this takes in all while it has to stay; 0 once it need not.
   *
   * @param letGo called if there is no room for it: it is no longer pinned then, and is to take no memory from now on
   */
  pin(what: object, bytes: number, letGo: () => void = () => undefined): void {
    if (bytes === 0 && !this.#pins.has(what)) return
    this.#account(what, bytes > 0 ? { bytes, letGo } : undefined)
    for (const [oldest, pin] of this.#pins) {
      if (this.#pinned <= this.#max / 2) break
      this.#account(oldest, undefined)
      pin.letGo()
    }
    this.fit()
  }

  #account(what: object, pin: Pin | undefined): void {
    this.#pinned += (pin?.bytes ?? 0) - (this.#pins.get(what)?.bytes ?? 0)
    if (pin) this.#pins.set(what, pin)
    else this.#pins.delete(what)
  }
}
