import type { Signed } from './knowledge.js'
import type { CookieState, Register } from './registers.js'
import { EPOCH, GENERATION } from './told.js'
import type { World } from './world.js'

/** What counts wherever it is known: at the nodes, and in the store. */
export class Standing {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** Whether an epoch of a user is current wherever that is known: at the nodes, and in the store. */
  isCurrent(user: string, signed: Signed): boolean {
    const stored = this.ended(user)?.stamp ?? 0
    const isStored = signed.epoch >= stored && (signed.generation ?? 0) >= this.#stored(user)
    return isStored && this.#world.nodes.every(({ knowledge }) => knowledge.isCurrent(user, signed))
  }

  /** The same, of all that a cookie says. */
  isGood(cookie: CookieState): boolean {
    const { user, browser } = cookie
    const isCurrent = user === undefined || this.isCurrent(user, cookie)
    return isCurrent && !this.ended(browser) && this.#world.nodes.every(({ knowledge }) => knowledge.isGood(cookie))
  }

  /** Whether a register was not erased, as far as that is known anywhere. */
  isLasting(sub: string, register: Register): boolean {
    const { generation = this.#stored(sub) } = register
    const isStored = generation >= this.#stored(sub)
    return isStored && this.#world.nodes.every(({ knowledge }) => knowledge.isLasting(sub, register))
  }

  /** What the store says has ended. */
  ended(sub: string): Register | undefined {
    return this.#world.deployment.store?.rows(this.#world.storeName(sub)).get(EPOCH)
  }

  /** Whether a user was erased, and not all nodes can know: without a store what was not heard is not learnt. */
  isUneven(sub: string): boolean {
    return new Set(this.#world.nodes.map(({ knowledge }) => knowledge.generation(sub))).size > 1
  }

  /** The newest generation of a user's values that is known at a node, or in the store. */
  generation(sub: string): number {
    return Math.max(this.#stored(sub), ...this.#world.nodes.map(({ knowledge }) => knowledge.generation(sub)))
  }

  /** Whether the store has a write, or a later one, or knows that it is gone; or had it until an erasure that it is not told yet. */
  isStored(sub: string, key: string, stamp: number): boolean {
    const names = [this.generation(sub), this.#stored(sub)].map((generation) => this.#world.storeName(sub, generation))
    const { durability } = this.#world.deployment
    return names.some((name) => durability?.isThere(name, key, { stamp, value: undefined }))
  }

  #stored(sub: string): number {
    return this.#world.deployment.store?.rows(this.#world.storeName(sub)).get(GENERATION)?.stamp ?? 0
  }
}
