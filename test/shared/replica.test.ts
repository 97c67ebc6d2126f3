import { describe, expect, it } from '@jest/globals'
import type { JsonValue } from '../../shared/json.js'
import { supersedes } from '../../shared/merge-rule.js'
import type { LwwRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import { isStamp, NEVER, newestOf, nextStamp } from '../../shared/stamp.js'
import { fc } from '../support/app/property.js'
import { register } from '../support/app/register.js'
import { stamp } from '../support/app/stamp.js'

/** Few keys, stamps and values, so that they collide; also an undeclared key. */
const anyRegister: fc.Arbitrary<LwwRegister> = fc.record({
  key: fc.constantFrom('division', 'theme', 'cart', 'of.another-build'),
  stamp: fc.integer({ min: 1, max: 4 }).map(stamp),
  value: fc.constantFrom(undefined, null, false, 0, '', 1, 'a', '\u00e9', ['a'], { a: 1, b: 2 }, { b: 2, a: 1 }),
  ids: fc.constantFrom(
    undefined,
    [['one', stamp(1)]],
    [
      ['one', stamp(1)],
      ['two', stamp(2)],
    ] as const,
    [['two', stamp(2)]] as const,
  ),
})
const registers = fc.array(anyRegister, { maxLength: 12 })

function replica(...histories: readonly (readonly LwwRegister[])[]): Replica {
  const merged = new Replica()
  for (const history of histories) for (const each of history) merged.merge(each, 'node')
  return merged
}

function state(persisted: Replica): unknown {
  const sorted = [...persisted.registers()].sort((a, b) => (a.key < b.key ? -1 : 1))
  return sorted.map(({ key, stamp, value, ids }) => [key, stamp, value, ids])
}

describe('a merge of replicas', () => {
  it('gives the same result in any order, with repetitions', () => {
    const shuffled = registers.chain((all) => {
      const again = fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })
      return fc.tuple(fc.constant(all), again)
    })
    fc.assert(fc.property(shuffled, ([all, again]) => expect(state(replica(again))).toEqual(state(replica(all)))))
  })

  it('keeps the register of each key that supersedes all others', () => {
    fc.assert(
      fc.property(registers, (all) => {
        for (const held of replica(all).registers()) {
          const ambiguous = all.filter(({ key }) => key === held.key)
          expect(ambiguous.some((rival) => supersedes(rival, held))).toBe(false)
          expect(ambiguous).toContainEqual(held)
          const same = ambiguous.filter((rival) => !supersedes(held, rival))
          expect(held.ids === undefined && same.some(({ ids }) => ids)).toBe(false)
        }
      }),
    )
  })

  it('keeps the source of the newest write', () => {
    const held = new Replica()
    const taken = [register('division', 2, 1), register('division', 1, 2)].map((each) => held.merge(each, 'request'))
    expect([...taken, held.merge(register('division', 3, 3), 'socket')]).toEqual([true, false, true])
    expect(held.source('division')).toBe('socket')
  })
})

describe('the ids of a register', () => {
  const ids = [['one', stamp(2)]] as const

  it('belong to that register only', () => {
    const held = replica([{ ...register('division', 2, 1), ids }, register('theme', 2, 'dark')])
    expect([held.ids('division'), held.ids('theme'), held.ids('cart')]).toEqual([ids, undefined, undefined])
    held.merge(register('division', 3, 2), 'request')
    expect(held.ids('division')).toBeUndefined()
  })

  it('are added to the same write, whose source stays', () => {
    const held = replica([register('division', 2, 1)])
    expect(held.merge({ ...register('division', 2, 1), ids }, 'store')).toBe(true)
    expect([held.ids('division'), held.source('division')]).toEqual([ids, 'node'])
    expect(held.merge(register('division', 2, 1), 'request')).toBe(false)
    held.setSource(register('division', 2, 1), 'ticket')
    expect([held.ids('division'), held.source('division')]).toEqual([ids, 'ticket'])
  })

  it('count in its bytes', () => {
    const [without, held] = [replica([register('division', 2, 1)]), replica([{ ...register('division', 2, 1), ids }])]
    expect(held.bytes).toBeGreaterThan(without.bytes + 100)
    held.merge(register('division', 3, 1), 'request')
    expect(held.bytes).toBe(without.bytes)
  })
})

it('a replica holds each key once, in order of arrival', () => {
  const replica = new Replica()
  const factsOf = (key: string) => [replica.isEmpty, replica.stamp(key), replica.value(key), replica.source(key)]
  expect(factsOf('a')).toEqual([true, 0, undefined, undefined])
  replica.merge(register('b', 2, 1), 'request')
  replica.merge(register('a', 3), 'ticket')
  replica.merge(register('b', 4, null), 'socket')
  expect(replica.registers()).toEqual([register('b', 4, null), register('a', 3)])
  expect([factsOf('a'), factsOf('b')]).toEqual([
    [false, 3, undefined, 'ticket'],
    [false, 4, null, 'socket'],
  ])
})

describe('the merge rule', () => {
  type Row = readonly [stamp: number, value?: JsonValue]
  const rows: [string, Row, Row, boolean][] = [
    ['a newer stamp', [2, 'a'], [1, 'z'], true],
    ['an older stamp', [1, 'z'], [2, 'a'], false],
    ['a newer deletion', [2], [1, 'z'], true],
    ['an older deletion', [1], [2, null], false],
    ['at one stamp, a value over a deletion', [1, null], [1], true],
    ['at one stamp, a deletion over a value', [1], [1, null], false],
    ['at one stamp, two deletions', [1], [1], false],
    ['at one stamp, the larger text', [1, 'b'], [1, 'a'], true],
    ['at one stamp, the larger JSON text, not number', [1, 9], [1, 10], true],
    ['at one stamp, the same value', [1, { a: 1, b: 2 }], [1, { b: 2, a: 1 }], false],
    ['at one stamp, escaped JSON, not raw', [1, '\u00e9'], [1, 'z'], false],
  ]
  it.each(rows)('decides: %s', (_, next, current, expected) => {
    expect(supersedes(register('division', ...next), register('division', ...current))).toBe(expected)
  })
})

describe('a stamp', () => {
  it('increases, even if the clock runs backwards', () => {
    const times = fc.array(fc.integer({ min: 0, max: 2 ** 45 }), { minLength: 2 })
    fc.assert(
      fc.property(times, (clock) => {
        let last = NEVER
        for (const now of clock) {
          const next = nextStamp(now, last)
          expect(next).toBeGreaterThan(last)
          expect(next).toBeGreaterThanOrEqual(now)
          expect(Number.isSafeInteger(next)).toBe(true)
          last = next
        }
      }),
    )
  })

  it('is a whole number for a clock with fractions', () => {
    expect(nextStamp(1.9, NEVER)).toBe(1)
  })

  it('is a positive safe integer', () => {
    const all = [1, Number.MAX_SAFE_INTEGER, 0, -1, 1.5, 2 ** 53, '1', undefined]
    expect(all.filter(isStamp)).toEqual([1, Number.MAX_SAFE_INTEGER])
  })
})

it('newestOf() returns the newest stamp, or NEVER for an empty list', () => {
  expect([newestOf([2, 5, 3].map(stamp)), newestOf([])]).toEqual([5, NEVER])
})
