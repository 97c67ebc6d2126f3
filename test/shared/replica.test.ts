import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type StoredRegister, supersedes } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import { isStamp, nextStamp } from '../../shared/stamp.js'

/** Few keys, stamps and values, so that they meet; a key that no app declares among them. */
const register: fc.Arbitrary<StoredRegister> = fc.record({
  key: fc.constantFrom('division', 'theme', 'cart', 'of.another-build'),
  stamp: fc.integer({ min: 1, max: 4 }),
  value: fc.constantFrom(undefined, null, false, 0, '', 1, 'a', '\u00e9', ['a'], { a: 1, b: 2 }, { b: 2, a: 1 }),
})
const registers = fc.array(register, { maxLength: 12 })

function replica(...histories: readonly (readonly StoredRegister[])[]): Replica {
  const merged = new Replica()
  for (const history of histories) for (const each of history) merged.merge(each, 'node')
  return merged
}

/** What it holds, whatever the order in which it came, and however objects order their keys. */
function state(held: Replica): unknown {
  const sorted = [...held.registers()].sort((a, b) => (a.key < b.key ? -1 : 1))
  return sorted.map(({ key, stamp, value }) => [key, stamp, value])
}

describe('a merge of replicas', () => {
  it('is commutative', () => {
    fc.assert(fc.property(registers, registers, (a, b) => expect(state(replica(a, b))).toEqual(state(replica(b, a)))))
  })

  it('is associative', () => {
    fc.assert(
      fc.property(registers, registers, registers, (a, b, c) => {
        const left = replica(replica(a, b).registers(), c)
        const right = replica(a, replica(b, c).registers())
        expect(state(left)).toEqual(state(right))
      }),
    )
  })

  it('is idempotent, and says that nothing was news', () => {
    fc.assert(
      fc.property(registers, (a) => {
        const once = replica(a)
        const before = state(once)
        const { version } = once
        expect(a.map((each) => once.merge(each, 'node'))).not.toContain(true)
        expect(state(once)).toEqual(before)
        expect(once.version).toBe(version)
      }),
    )
  })

  it('ends the same whatever the order and however often messages arrive', () => {
    const shuffled = registers.chain((all) => {
      const again = fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })
      return fc.tuple(fc.constant(all), again)
    })
    fc.assert(fc.property(shuffled, ([all, again]) => expect(state(replica(again))).toEqual(state(replica(all)))))
  })

  it('holds for each key the register that supersedes all others', () => {
    fc.assert(
      fc.property(registers, (all) => {
        for (const held of replica(all).registers()) {
          const rivals = all.filter(({ key }) => key === held.key)
          expect(rivals.some((rival) => supersedes(rival, held))).toBe(false)
          expect(rivals).toContainEqual(held)
        }
      }),
    )
  })

  it('carries keys that its app does not declare', () => {
    const held = replica([{ key: 'of.another-build', stamp: 1, value: { any: 'thing' } }])
    expect(held.registers()).toEqual([{ key: 'of.another-build', stamp: 1, value: { any: 'thing' } }])
  })

  it('keeps falsy values, and tells a deletion from them', () => {
    for (const value of [0, '', false, null]) {
      const held = replica([{ key: 'division', stamp: 2, value }])
      expect(held.value('division')).toBe(value)
      held.merge({ key: 'division', stamp: 3 }, 'request')
      expect(held.value('division')).toBeUndefined()
      expect(held.stamp('division')).toBe(3)
    }
  })

  it('grows its version with each change, and only then', () => {
    const held = new Replica()
    held.merge({ key: 'division', stamp: 2, value: 1 }, 'request')
    held.merge({ key: 'division', stamp: 1, value: 2 }, 'request')
    held.merge({ key: 'division', stamp: 3, value: 3 }, 'socket')
    expect(held.version).toBe(2)
    expect(held.source('division')).toBe('socket')
  })
})

describe('a replica', () => {
  it('holds each key once, in the order in which they came, and knows nothing of others', () => {
    const replica = new Replica()
    expect([replica.isEmpty, replica.stamp('a'), replica.value('a'), replica.source('a')]).toEqual([
      true,
      0,
      undefined,
      undefined,
    ])
    replica.merge({ key: 'b', stamp: 2, value: 1 }, 'request')
    replica.merge({ key: 'a', stamp: 3 }, 'ticket')
    replica.merge({ key: 'b', stamp: 4, value: null }, 'socket')
    expect(replica.registers()).toEqual([
      { key: 'b', stamp: 4, value: null },
      { key: 'a', stamp: 3, value: undefined },
    ])
    expect([replica.isEmpty, replica.stamp('a'), replica.value('b'), replica.source('a')]).toEqual([
      false,
      3,
      null,
      'ticket',
    ])
  })

  it('forgets everything, as a change', () => {
    const replica = new Replica()
    replica.merge({ key: 'a', stamp: 2, value: 1 }, 'request')
    const { version } = replica
    replica.clear()
    expect([replica.isEmpty, replica.registers(), replica.version > version]).toEqual([true, [], true])
    expect(replica.merge({ key: 'a', stamp: 1, value: 5 }, 'request')).toBe(true)
  })
})

describe('the merge rule', () => {
  const rows: [string, Omit<StoredRegister, 'key'>, Omit<StoredRegister, 'key'>, boolean][] = [
    ['a newer stamp', { stamp: 2, value: 'a' }, { stamp: 1, value: 'z' }, true],
    ['an older stamp', { stamp: 1, value: 'z' }, { stamp: 2, value: 'a' }, false],
    ['a newer deletion', { stamp: 2 }, { stamp: 1, value: 'z' }, true],
    ['an older deletion', { stamp: 1 }, { stamp: 2, value: null }, false],
    ['at one stamp, a value over a deletion', { stamp: 1, value: null }, { stamp: 1 }, true],
    ['at one stamp, a deletion over a value', { stamp: 1 }, { stamp: 1, value: null }, false],
    ['at one stamp, two deletions', { stamp: 1 }, { stamp: 1 }, false],
    ['at one stamp, the larger text', { stamp: 1, value: 'b' }, { stamp: 1, value: 'a' }, true],
    ['at one stamp, text not number', { stamp: 1, value: 9 }, { stamp: 1, value: 10 }, true],
    ['at one stamp, the same value', { stamp: 1, value: { a: 1, b: 2 } }, { stamp: 1, value: { b: 2, a: 1 } }, false],
    ['at one stamp, escaped and not raw', { stamp: 1, value: '\u00e9' }, { stamp: 1, value: 'z' }, false],
  ]
  it.each(rows)('on %s', (_, next, current, expected) => {
    expect(supersedes(next, current)).toBe(expected)
  })
})

describe('a stamp', () => {
  it('is newer than what it has seen, also when the clock runs backwards', () => {
    const times = fc.array(fc.integer({ min: 0, max: 2 ** 45 }), { minLength: 2 })
    fc.assert(
      fc.property(times, (clock) => {
        let last = 0
        for (const now of clock) {
          const stamp = nextStamp(now, last)
          expect(stamp).toBeGreaterThan(last)
          expect(stamp).toBeGreaterThanOrEqual(now)
          expect(Number.isSafeInteger(stamp)).toBe(true)
          last = stamp
        }
      }),
    )
  })

  it('is a whole number also where the clock has fractions', () => {
    expect(nextStamp(1.9, 0)).toBe(1)
  })

  it.each([
    [1, true],
    [Number.MAX_SAFE_INTEGER, true],
    [0, false],
    [-1, false],
    [1.5, false],
    [2 ** 53, false],
    ['1', false],
    [undefined, false],
  ])('%p is one: %p', (value, expected) => {
    expect(isStamp(value)).toBe(expected)
  })
})
