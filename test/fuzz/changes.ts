import type { Actor } from './actor.js'
import type { Dice } from './dice.js'
import { mutateJson } from './mutation.js'
import type { OddValues } from './odd-values.js'
import type { World } from './world.js'

export type Changes = ReturnType<typeof changeSource>

/** Makes valid, nearly valid and malformed changes. */
export function changeSource(world: World, oddValues: OddValues) {
  const validSet = (dice: Dice, actor: Actor): unknown[] => {
    const keys = ['division', 'theme', 'cart'].filter(() => dice.chance(0.5))
    return keys.map((key) => oneChange(dice, actor, key))
  }

  const anySet = (dice: Dice, actor: Actor): unknown => {
    const valid = validSet(dice, actor)
    const odd = (): unknown => oddValues.json(dice)
    return dice.one<unknown>(
      [4, () => valid],
      [3, () => [...valid, [oddValues.key(dice), -1, '', odd()]]],
      [4, () => [[dice.pick(['division', 'theme', 'cart']), -1, '', odd()]]],
      [2, () => [[dice.pick(['role', 'secret', 'length']), -1, '', 'admin']]],
      [0.3, () => [['cart', -1, '', Array(dice.below(300)).fill('own')]]],
      [1, () => [['cart', -1, '', dice.times(dice.below(20), odd)]]],
      [2, () => [['division', aStamp(dice, actor, 'division'), '', dice.below(5)]]],
      [1, () => [['division', odd(), '', 1]]],
      [3, () => [anUpdate(dice, actor)]],
      [1, () => [...valid, anUpdate(dice, actor)]],
      [1, () => [['division', 0, odd(), 1]]],
      [3, () => aGroup(dice, actor)],
      [1, () => mutateJson(dice, aGroup(dice, actor), odd)],
      [4, () => mutateJson(dice, valid, odd)],
      [1, () => [...valid, ...valid]],
      [1, odd],
    )
  }

  const oneChange = (dice: Dice, actor: Actor, key: string): unknown[] => {
    const seen = aStamp(dice, actor, key)
    return dice.chance(0.15) ? [key, seen, ''] : [key, seen, '', aValue(dice, actor, key)]
  }

  /** A setMany, perhaps with a refused change. */
  const aGroup = (dice: Dice, actor: Actor): unknown[] => {
    const name = `group-${dice.below(3)}`
    const plain = ['division', 'theme', 'cart'].map((key) => [key, -1, '', aValue(dice, actor, key), name])
    const another = dice.one<readonly unknown[]>(
      [2, () => []],
      [1, () => [[dice.pick(['role', 'secret', 'theme']), -1, '', 'admin', name]]],
      [1, () => [oneChange(dice, actor, 'cart')]],
    )
    return [...plain.filter(() => dice.chance(0.7)), ...another]
  }

  const anUpdate = (dice: Dice, actor: Actor): unknown[] => {
    const key = dice.pick(['division', 'theme', 'cart'])
    return [key, aStamp(dice, actor, key), `id-${dice.below(3)}`, aValue(dice, actor, key)]
  }

  const aValue = (dice: Dice, { name }: Actor, key: string): unknown => {
    if (key === 'division') return dice.below(10) - 5
    if (key === 'theme') return dice.pick(['light', 'dark'])
    return dice.times(dice.below(4), () => `own-${name}-${dice.below(100)}`)
  }

  /** The base stamp: mostly of a first attempt, else of a retry over a current or an older value. */
  const aStamp = (dice: Dice, { subjects }: Actor, key: string): number => {
    const { values } = world.core
    const stamps = subjects.map((subject) => values.find(subject)?.stamp(key) ?? 0)
    return dice.one(
      [8, () => -1],
      [2, () => Math.max(0, ...stamps)],
      [1, () => 0],
      [1, () => Math.max(0, ...stamps) - dice.below(3)],
      [0.3, () => Number.MAX_SAFE_INTEGER],
    )
  }

  return { valid: validSet, any: anySet }
}
