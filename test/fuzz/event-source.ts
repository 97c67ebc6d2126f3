import { EXCHANGE } from '../../shared/protocol.js'
import type { Actor } from './actor.js'
import type { Changes } from './changes.js'
import type { Dice } from './dice.js'
import { mutateJson } from './mutation.js'
import type { OddValues } from './odd-values.js'
import type { Tickets } from './tickets.js'

/** An event of a browser, and the position of the acknowledgement. */
export interface RawEvent {
  readonly event: string
  readonly args: readonly unknown[]
  readonly ack: 'last' | 'none' | 'first' | 'twice'
}

/** Characters of socket.io's longest frame. */
const FRAME = 1_000_000

export type Events = ReturnType<typeof eventSource>

/** Makes exchange events with valid, mutated and huge payloads. */
export function eventSource(oddValues: OddValues, tickets: Tickets, changes: Changes) {
  const anyEvent = (dice: Dice, actor: Actor): RawEvent => {
    const input = {
      ...pageOf(dice, actor),
      ...(dice.chance(0.6) ? { set: aSet(dice, actor) } : {}),
      ...(dice.chance(0.4) ? { tickets: someTickets(dice, actor) } : {}),
    }
    const odd = (): unknown => oddValues.packet(dice)
    const args = dice.one<unknown[]>(
      [20, () => [input]],
      [1, () => []],
      [1, () => [input, odd()]],
      [1, () => [odd()]],
      [1, () => dice.times(dice.below(6), odd)],
      [1, () => [mutateJson(dice, input, odd)]],
    )
    return {
      event: EXCHANGE,
      args,
      ack: dice.one([20, () => 'last'], [1, () => 'none'], [1, () => 'first'], [1, () => 'twice']),
    }
  }

  const aSet = (dice: Dice, actor: Actor): unknown => {
    return dice.chance(0.002) ? hugeSet(dice) : changes.any(dice, actor)
  }

  const someTickets = (dice: Dice, actor: Actor): unknown => {
    const own = tickets.own(dice, actor)
    return dice.one<unknown>(
      [4, () => dice.times(dice.below(3), () => tickets.own(dice, actor))],
      [8, () => dice.times(1 + dice.below(3), () => tickets.any(dice, actor))],
      [1, () => oddValues.packet(dice)],
      [0.02, () => Array(Math.floor(FRAME / (own.length + 3))).fill(own)],
    )
  }

  return { event: anyEvent }
}

export function pageOf(dice: Dice, { who }: Actor): { readonly who?: unknown } {
  return dice.one<object>(
    [12, () => ({})],
    [6, () => (who === undefined ? {} : { who })],
    [1, () => ({ who: 'b'.repeat(22) })],
    [1, () => ({ who: 7 })],
  )
}

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
