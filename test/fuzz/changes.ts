import type { Actor } from './actor.js'
import type { Dice } from './dice.js'
import { mutateJson } from './mutation.js'
import type { OddValues } from './odd-values.js'
import type { World } from './world.js'

/** Makes the changes that a browser may ask for: valid ones, nearly valid ones, and what is none. */
export class ChangeSource {
  readonly #world: World
  readonly #odd: OddValues

  constructor(world: World, odd: OddValues) {
    this.#world = world
    this.#odd = odd
  }

  valid(dice: Dice, actor: Actor): unknown[] {
    const keys = ['division', 'theme', 'cart'].filter(() => dice.chance(0.5))
    return keys.map((key) => this.#change(dice, actor, key))
  }

  any(dice: Dice, actor: Actor): unknown {
    const valid = this.valid(dice, actor)
    const odd = (): unknown => this.#odd.json(dice)
    return dice.one<unknown>(
      [4, () => valid],
      [3, () => [...valid, [this.#odd.key(dice), -1, '', odd()]]],
      [4, () => [[dice.pick(['division', 'theme', 'cart']), -1, '', odd()]]],
      [2, () => [[dice.pick(['role', 'secret', 'length']), -1, '', 'admin']]],
      [0.3, () => [['cart', -1, '', Array(dice.below(300)).fill('own')]]],
      [1, () => [['cart', -1, '', dice.times(dice.below(20), odd)]]],
      [2, () => [['division', this.#seen(dice, actor, 'division'), '', dice.below(5)]]],
      [1, () => [['division', odd(), '', 1]]],
      [3, () => [this.#computed(dice, actor)]],
      [1, () => [...valid, this.#computed(dice, actor)]],
      [1, () => [['division', 0, odd(), 1]]],
      [3, () => this.#group(dice, actor)],
      [1, () => mutateJson(dice, this.#group(dice, actor), odd)],
      [4, () => mutateJson(dice, valid, odd)],
      [1, () => [...valid, ...valid]],
      [1, odd],
    )
  }

  #change(dice: Dice, actor: Actor, key: string): unknown[] {
    const seen = this.#seen(dice, actor, key)
    return dice.chance(0.15) ? [key, seen, ''] : [key, seen, '', this.#value(dice, actor, key)]
  }

  /** Values that are set together, and one that may not be allowed among them. */
  #group(dice: Dice, actor: Actor): unknown[] {
    const name = `group-${dice.below(3)}`
    const plain = ['division', 'theme', 'cart'].map((key) => [key, -1, '', this.#value(dice, actor, key), name])
    const another = dice.one<readonly unknown[]>(
      [2, () => []],
      [1, () => [[dice.pick(['role', 'secret', 'theme']), -1, '', 'admin', name]]],
      [1, () => [this.#change(dice, actor, 'cart')]],
    )
    return [...plain.filter(() => dice.chance(0.7)), ...another]
  }

  /** A value that was computed from the one of a stamp. */
  #computed(dice: Dice, actor: Actor): unknown[] {
    const key = dice.pick(['division', 'theme', 'cart'])
    return [key, this.#seen(dice, actor, key), `id-${dice.below(3)}`, this.#value(dice, actor, key)]
  }

  #value(dice: Dice, { name }: Actor, key: string): unknown {
    if (key === 'division') return dice.below(10) - 5
    if (key === 'theme') return dice.pick(['light', 'dark'])
    return dice.times(dice.below(4), () => `own-${name}-${dice.below(100)}`)
  }

  /** Mostly a first sending; else sent again, after having seen what there is, or less. */
  #seen(dice: Dice, { subjects }: Actor, key: string): number {
    const { sessions } = this.#world.core
    const stamps = subjects.map((subject) => sessions.find(subject)?.stamp(key) ?? 0)
    return dice.one(
      [8, () => -1],
      [2, () => Math.max(0, ...stamps)],
      [1, () => 0],
      [1, () => Math.max(0, ...stamps) - dice.below(3)],
      [0.3, () => Number.MAX_SAFE_INTEGER],
    )
  }
}
