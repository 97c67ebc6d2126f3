import { SYNC } from '../../shared/protocol.js'
import type { Actor } from './actor.js'
import type { ChangeSource } from './changes.js'
import type { Dice } from './dice.js'
import { mutateJson } from './mutation.js'
import type { OddValues } from './odd-values.js'
import type { TicketSource } from './tickets.js'

/** What a browser emits, and where among the arguments it has put functions. */
export interface RawEvent {
  readonly event: string
  readonly args: readonly unknown[]
  readonly ack: 'last' | 'none' | 'first' | 'twice'
}

/** Characters of the longest frame that socket.io lets through. */
const FRAME = 1_000_000

/** Makes the events that a browser may send. */
export class EventSource {
  readonly #odd: OddValues
  readonly #tickets: TicketSource
  readonly #changes: ChangeSource

  constructor(odd: OddValues, tickets: TicketSource, changes: ChangeSource) {
    this.#odd = odd
    this.#tickets = tickets
    this.#changes = changes
  }

  event(dice: Dice, actor: Actor): RawEvent {
    const input = {
      ...pageOf(dice, actor),
      ...(dice.chance(0.6) ? { set: this.#set(dice, actor) } : {}),
      ...(dice.chance(0.4) ? { tickets: this.#redeem(dice, actor) } : {}),
    }
    const odd = (): unknown => this.#odd.packet(dice)
    const args = dice.one<unknown[]>(
      [20, () => [input]],
      [1, () => []],
      [1, () => [input, odd()]],
      [1, () => [odd()]],
      [1, () => dice.times(dice.below(6), odd)],
      [1, () => [mutateJson(dice, input, odd)]],
    )
    return {
      event: SYNC,
      args,
      ack: dice.one([20, () => 'last'], [1, () => 'none'], [1, () => 'first'], [1, () => 'twice']),
    }
  }

  #set(dice: Dice, actor: Actor): unknown {
    return dice.chance(0.002) ? hugeSet(dice) : this.#changes.any(dice, actor)
  }

  #redeem(dice: Dice, actor: Actor): unknown {
    const own = this.#tickets.own(dice, actor)
    return dice.one<unknown>(
      [4, () => dice.times(dice.below(3), () => this.#tickets.own(dice, actor))],
      [8, () => dice.times(1 + dice.below(3), () => this.#tickets.any(dice, actor))],
      [1, () => this.#odd.packet(dice)],
      [0.02, () => Array(Math.floor(FRAME / (own.length + 3))).fill(own)],
    )
  }
}

/** Whose page it is, where it says so. */
export function pageOf(dice: Dice, { who }: Actor): { readonly who?: unknown } {
  return dice.one<object>(
    [12, () => ({})],
    [6, () => (who === undefined ? {} : { who })],
    [1, () => ({ who: 'b'.repeat(22) })],
    [1, () => ({ who: 7 })],
  )
}

/** What fills a frame: changes, members, text. */
function hugeSet(dice: Dice): unknown {
  const members = (count: number): [string, number, string][] =>
    Array.from({ length: count }, (_, at) => [`k${at}`, -1, ''])
  const cart = (value: unknown): unknown => [['cart', -1, '', value]]
  return dice.one<unknown>(
    [1, () => members(FRAME / 16)],
    [1, () => cart(Object.fromEntries(members(FRAME / 16)))],
    [1, () => cart(Array(9_999).fill(1))],
    [1, () => cart(Array(FRAME / 2).fill(1))],
    [1, () => cart(['x'.repeat(FRAME)])],
    [1, () => cart(['\u20ac'.repeat(FRAME / 3)])],
    [1, () => cart([Buffer.alloc(FRAME)])],
  )
}
