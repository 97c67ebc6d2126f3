import type { CookieState, Register } from './registers.js'
import { EPOCH } from './told.js'
import type { World } from './world.js'

/** What counts wherever it is known: at the nodes, and in the store. */
export class Standing {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** Whether an epoch of a user is current wherever that is known: at the nodes, and in the store. */
  isCurrent(user: string, epoch: number): boolean {
    const stored = this.ended(user)?.stamp ?? 0
    return epoch >= stored && this.#world.nodes.every(({ knowledge }) => knowledge.isCurrent(user, epoch))
  }

  /** The same, of all that a cookie says. */
  isGood(cookie: CookieState): boolean {
    const { user, browser, epoch } = cookie
    const isCurrent = user === undefined || this.isCurrent(user, epoch)
    return isCurrent && !this.ended(browser) && this.#world.nodes.every(({ knowledge }) => knowledge.isGood(cookie))
  }

  /** Whether a register was not erased, as far as that is known anywhere. */
  isLasting(sub: string, register: Register): boolean {
    const erased = this.ended(sub)?.value
    const isStored = typeof erased !== 'number' || register.stamp > erased
    return isStored && this.#world.nodes.every(({ knowledge }) => knowledge.erasures.isLasting(sub, register))
  }

  /** What the store says has ended. */
  ended(sub: string): Register | undefined {
    return this.#world.deployment.store?.rows(this.#world.storeName(sub)).get(EPOCH)
  }

  /** Whether a user was erased, and not all nodes can know: without a store what was not heard is not learnt. */
  isUneven(sub: string): boolean {
    return new Set(this.#world.nodes.map(({ knowledge }) => knowledge.erasures.until(sub))).size > 1
  }

  /** Whether the store has a write, or a later one, or knows that it is gone. */
  isStored(sub: string, key: string, stamp: number): boolean {
    return (
      this.#world.deployment.durability?.isThere(this.#world.storeName(sub), key, { stamp, value: undefined }) === true
    )
  }
}
