import { describe, expect, it } from '@jest/globals'
import {
  acceptedAt,
  fromIdsText,
  idsOf,
  idsText,
  isId,
  isNews,
  MAX_IDS,
  readIds,
  withIds,
  withRecentIds,
} from '../../shared/idempotency-keys.js'
import type { JsonValue } from '../../shared/json.js'
import { supersedes } from '../../shared/merge-rule.js'
import type { IdempotencyKey, LwwRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import { isStamp, NEVER, newestOf, nextStamp } from '../../shared/stamp.js'
import { fc } from '../support/app/property.js'
import { register } from '../support/app/register.js'
import { stamp } from '../support/app/stamp.js'
import { MINUTE } from '../support/app/times.js'

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

const NOW = 1_700_000_000_000

function ids(count: number, at = NOW): readonly IdempotencyKey[] {
  return Array.from({ length: count }, (_, index) => [`id${index}`, stamp(at + index)] as const)
}

/** Returns the ids of a write, with their ms since NOW. */
const idsIn = ({ ids: known = [] }: LwwRegister): string => known.map(([id, at]) => `${id}@${at - NOW}`).join(' ')

describe('a write', () => {
  const before: LwwRegister = { ...register('a', NOW, 1), ids: [['one', stamp(NOW)]] }
  const write = (ms: number): LwwRegister => register('a', NOW + ms, 2)

  it('keeps the ids of earlier updates, and its own id', () => {
    const updated = withRecentIds(write(1), before, NOW + 1, 'two')
    expect(idsIn(updated)).toBe('one@0 two@1')
    expect(idsIn(withRecentIds(write(2), updated, NOW + 2))).toBe('one@0 two@1')
  })

  it('has no ids without an update', () => {
    const plain = write(0)
    expect(withRecentIds(plain, undefined, NOW)).toBe(plain)
    expect(withRecentIds(plain, register('a', 1, 1), NOW, '')).toBe(plain)
  })

  it('forgets ids after two minutes', () => {
    expect(idsIn(withRecentIds(write(0), before, NOW + 2 * MINUTE - 1))).toBe('one@0')
    expect(withRecentIds(write(0), before, NOW + 2 * MINUTE)).not.toHaveProperty('ids')
    const later = { ...before, ids: [...ids(3), ['late', stamp(NOW + MINUTE)] as const] }
    expect(idsIn(withRecentIds(write(MINUTE), later, NOW + 2 * MINUTE + 1))).toBe(`@1 id2@2 late@${MINUTE}`)
  })

  it('marks the stamp up to which ids are unknown', () => {
    const first = withRecentIds(write(1), register('a', NOW, 1), NOW + 1, 'one')
    expect(idsIn(first)).toBe('@0 one@1')
    const second = withRecentIds(write(2), first, NOW + 2, 'two')
    expect(idsIn(second)).toBe('@0 one@1 two@2')
    expect(idsIn(withRecentIds(write(3), second, NOW + 2 * MINUTE + 1))).toBe('@1 two@2')
    expect(withRecentIds(write(3), second, NOW + 2 * MINUTE + 2)).not.toHaveProperty('ids')
  })

  it('keeps 20 entries: the newest ids, and the last dropped stamp', () => {
    const full = withRecentIds(write(1000), { ...write(0), ids: ids(MAX_IDS) }, NOW, 'new')
    expect(full.ids).toHaveLength(20)
    expect(idsIn(full)).toMatch(/^@1 id2@2 .* new@1000$/)
    expect(withRecentIds(write(2000), full, NOW).ids).toEqual(full.ids)
  })

  it('keeps the newest id of each page', () => {
    const first = { ...write(1), ids: [['page-9', stamp(NOW)] as const, ['other-3', stamp(NOW + 1)] as const] }
    expect(idsIn(withRecentIds(write(2), first, NOW + 2, 'page-10'))).toBe('other-3@1 page-10@2')
  })

  it('knows the earlier updates of a page', () => {
    const written: LwwRegister = { ...before, ids: [['page-10', stamp(NOW)]] }
    const known = ['page-10', 'page-9', 'page-11', 'other-9', 'page-9-a', 'page', '-9', '9', ''].filter((id) => {
      return acceptedAt(written, id) !== undefined
    })
    expect(known).toEqual(['page-10', 'page-9'])
  })

  it('knows only the stamps of updates', () => {
    const cut: LwwRegister = { ...before, ids: [['', stamp(NOW - 1)], ...ids(1)] }
    expect([acceptedAt(before, 'one'), acceptedAt(before, 'two')]).toEqual([NOW, undefined])
    expect([acceptedAt(undefined, 'one'), acceptedAt(cut, '')]).toEqual([undefined, undefined])
  })

  it('is news if a copy has fewer ids', () => {
    const without = register('a', NOW, { b: 1 })
    const known = { ...without, ids: ids(1) }
    expect([isNews(known, without), isNews(without, known), isNews(known, known)]).toEqual([true, false, false])
    for (const other of [register('a', NOW, { b: 2 }), register('a', NOW + 1, { b: 1 })])
      expect(isNews(known, other)).toBe(false)
  })
})

describe('ids', () => {
  it('are texts of at most 32 letters, digits, - and _', () => {
    const valid = ['a', 'Z_9-', 'x'.repeat(32)]
    const others = ['', 'a b', 'a:b', 'a,b', '\u00e9', 'a\n', 'x'.repeat(33), 1, null, undefined]
    expect([...valid, ...others].filter(isId)).toEqual(valid)
  })

  it('round-trip through a text', () => {
    const id = fc.stringMatching(/^[\w-]{1,32}$/)
    const taken = fc.tuple(id, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))
    fc.assert(
      fc.property(fc.array(taken, { maxLength: 5 }), (all) => {
        expect(fromIdsText(idsText(all)) ?? []).toEqual(all)
      }),
    )
  })

  it.each([undefined, null, 'a:1', {}, [], [['a']], [['a', 0]], [['a', '1']], [['a b', 1]], [['a', 1, 2]], ids(201)])(
    'of another process are ignored if malformed: %j',
    (input) => {
      expect(readIds(input)).toBeUndefined()
    },
  )

  it('enter a ticket by key until they expire', () => {
    const registers = [
      { ...register('a', NOW, 1), ids: ids(1) },
      { ...register('b', NOW, 2), ids: [['old', stamp(NOW - 2 * MINUTE)] as const] },
      register('c', NOW, 3),
    ]
    const byKey = idsOf(registers, NOW)
    expect(byKey).toEqual({ a: [['id0', NOW]] })
    const plain = registers.map(({ key, stamp, value }) => ({ key, stamp, value }))
    expect(withIds(plain, byKey)).toEqual([registers[0], plain[1], plain[2]])
    expect(idsOf(plain, NOW)).toBeUndefined()
  })

  it('are limited to 50 in a ticket, but not between nodes', () => {
    const registers = [
      ...['a', 'b', 'c'].map((key) => ({ ...register(key, NOW, 1), ids: ids(MAX_IDS) })),
      register('d', NOW, 1),
    ]
    const { a = [], b = [], d } = idsOf(registers, NOW) ?? {}
    const [[unknown] = [''], ...known] = a
    expect([a.length, b, d, unknown]).toEqual([16, a, undefined, ''])
    expect(known).toEqual(ids(MAX_IDS).slice(-15))
    const all = ids(MAX_IDS)
    expect(idsOf(registers, NOW, Infinity)).toEqual({ a: all, b: all, c: all })
  })

  it('of a full list supersede a truncated list, but not vice versa', () => {
    const [full, cut] = [ids(3), [['', stamp(NOW)] as const, ...ids(3).slice(1)]].map((known) => ({
      ...register('a', NOW, 1),
      ids: known,
    })) as [LwwRegister, LwwRegister]
    expect([isNews(full, cut), isNews(cut, full)]).toEqual([true, false])
    const shorter = { ...cut, ids: [['', stamp(NOW + 1)] as const, ...ids(3).slice(2)] }
    expect([isNews(cut, shorter), isNews(shorter, cut)]).toEqual([true, false])
  })

  it.each([null, 1, 'a', [[1]], { a: 1 }, { a: [['a', 1, 1]] }, JSON.parse('{"__proto__":[["a",1]]}')])(
    'are dropped from a ticket if malformed: %j',
    (input) => {
      const registers = [register('a', NOW, 1)]
      expect(withIds(registers, input)).toEqual(registers)
    },
  )
})
