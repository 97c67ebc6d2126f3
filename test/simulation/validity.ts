import type { Signed } from './knowledge.js'
import { type CookieState, EPOCH, GENERATION, type Register } from './registers.js'
import type { World } from './world.js'

/** The revocations, retirements and generations known to any node or the store. */
export class Validity {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** Whether a user's epoch and generation are current at all nodes and in the store. */
  isCurrent(user: string, signed: Signed): boolean {
    const stored = this.ended(user)?.stamp ?? 0
    const isStored = signed.epoch >= stored && (signed.generation ?? 0) >= this.#stored(user)
    return isStored && this.#world.nodes.every(({ knowledge }) => knowledge.isCurrent(user, signed))
  }

  isGood(cookie: CookieState): boolean {
    const { user, browser } = cookie
    const isCurrent = user === undefined || this.isCurrent(user, cookie)
    return isCurrent && !this.ended(browser) && this.#world.nodes.every(({ knowledge }) => knowledge.isGood(cookie))
  }

  /** Whether no node and no store knows that a register was erased. */
  isLasting(sub: string, register: Register): boolean {
    const { generation = this.#stored(sub) } = register
    const isStored = generation >= this.#stored(sub)
    return isStored && this.#world.nodes.every(({ knowledge }) => knowledge.isLasting(sub, register))
  }

  ended(sub: string): Register | undefined {
    return this.#world.deployment.store?.rows(this.#world.storeKey(sub)).get(EPOCH)
  }

  /** Whether some nodes cannot know of an erasure, because without a store they learn only from messages. */
  isUneven(sub: string): boolean {
    return new Set(this.#world.nodes.map(({ knowledge }) => knowledge.generation(sub))).size > 1
  }

  generation(sub: string): number {
    return Math.max(this.#stored(sub), ...this.#world.nodes.map(({ knowledge }) => knowledge.generation(sub)))
  }

  /** Whether the store has this write or a newer write, also under a former generation. */
  isStored(sub: string, key: string, stamp: number): boolean {
    const names = [this.generation(sub), this.#stored(sub)].map((generation) => this.#world.storeKey(sub, generation))
    const { durability } = this.#world.deployment
    return names.some((name) => durability?.isThere(name, key, { stamp, value: undefined }))
  }

  #stored(sub: string): number {
    return this.#world.deployment.store?.rows(this.#world.storeKey(sub)).get(GENERATION)?.stamp ?? 0
  }
}
