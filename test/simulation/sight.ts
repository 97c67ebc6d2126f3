import type { Exchange } from './browser.js'
import { OWN } from './builds.js'
import type { Identity } from './knowledge.js'
import type { Registers } from './registers.js'
import type { Harm } from './tally.js'
import { missingIn } from './visit.js'
import type { World } from './world.js'

type Fail = (exchange: Exchange, what: string, harm?: Harm) => void

/** What a request must find, and what it must not. */
export class Sight {
  readonly #world: World
  readonly #fail: Fail

  constructor(world: World, fail: Fail) {
    this.#world = world
    this.#fail = fail
  }

  /** What a store that answers has of the visitor is known before it is asked for. */
  loaded(exchange: Exchange, browser: string | undefined, user: string | undefined): void {
    const { node, isLate } = exchange
    for (const sub of isLate ? [] : [user, browser]) {
      if (sub === undefined) continue
      if (node.line?.isWell && !node.loads.has(sub))
        this.#fail(exchange, `is served before the store was asked for ${sub}`)
      this.#world.duties.recover(node, sub)
    }
  }

  /** Nothing that was acknowledged is missing, or older. */
  complete(exchange: Exchange, sub: string, found: Registers, how: string, isMeant: (key: string) => boolean): void {
    const floors = exchange.node.knowledge.floors.get(sub) ?? new Map()
    // A build reads what it declares, and carries the rest.
    const isSeen = (key: string): boolean => how !== 'reads' || exchange.node.isDeclared(key)
    const expected = [...floors].filter(([key]) => isMeant(key) && isSeen(key))
    const missing = missingIn(found, new Map(expected))
    if (missing !== undefined) this.#fail(exchange, `${how} ${missing}`, 'lost')
  }

  /** Nothing of it is another visitor's, or was erased. */
  allowed(exchange: Exchange, { user, browser }: Identity, found: Registers): void {
    const { node } = exchange
    const sub = user ?? browser
    const generation = node.knowledge.generation(sub)
    const reader = { sub, isUser: user !== undefined, browser: exchange.browser.index, generation }
    // A cookie that is left as it was may be of a node that has not heard of an erasure.
    const isSaid = exchange.response === undefined || exchange.written !== undefined
    for (const [key, register] of found) {
      const isErased = key !== OWN && !node.knowledge.isLasting(sub, register)
      if (isErased && isSaid && node.isDeclared(key))
        this.#fail(exchange, `sees ${key} at ${register.stamp}, which was erased`, 'foreign')
      const objection = this.#world.ledger.protest(isSaid ? reader : { ...reader, generation: 0 }, key, register)
      if (objection !== undefined) this.#fail(exchange, `sees ${objection}`, 'foreign')
    }
  }
}
