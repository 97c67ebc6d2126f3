import { describe, expect, it } from '@jest/globals'
import type { StoredRegister, TakenId } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import {
  carrying,
  fromIdsText,
  idsOf,
  idsText,
  isId,
  isNews,
  MAX_IDS,
  readIds,
  takenAt,
  withIds,
} from '../../shared/taken-ids.js'
import { fc } from '../support/app/property.js'
import { register } from '../support/app/register.js'
import { stamp } from '../support/app/stamp.js'

const NOW = 1_700_000_000_000
const MINUTE = 60 * 1000

function ids(count: number, at = NOW): readonly TakenId[] {
  return Array.from({ length: count }, (_, index) => [`id${index}`, stamp(at + index)] as const)
}

const over = (register: StoredRegister): Replica => Replica.of([register], 'job')

describe('a write', () => {
  const before: StoredRegister = { ...register('a', NOW, 1), ids: [['one', stamp(NOW)]] }

  it('keeps the ids of computed changes before it, and its own', () => {
    const computed = carrying(register('a', NOW + 1, 2), over(before), NOW + 1, 'two')
    expect(computed.ids).toEqual([
      ['one', NOW],
      ['two', NOW + 1],
    ])
    expect(carrying(register('a', NOW + 2), over(computed), NOW + 2).ids).toEqual(computed.ids)
  })

  it('has no ids without a computed change', () => {
    const plain = register('a', NOW, 1)
    expect(carrying(plain, undefined, NOW)).toBe(plain)
    expect(carrying(plain, over(register('a', 1, 1)), NOW, '')).toBe(plain)
  })

  it('forgets ids after two minutes', () => {
    expect(carrying(register('a', NOW, 2), over(before), NOW + 2 * MINUTE - 1).ids).toEqual(before.ids)
    expect(carrying(register('a', NOW, 2), over(before), NOW + 2 * MINUTE)).not.toHaveProperty('ids')
    const later = { ...before, ids: [...ids(3), ['late', stamp(NOW + MINUTE)] as const] }
    expect(carrying(register('a', NOW + MINUTE, 2), over(later), NOW + 2 * MINUTE + 1).ids).toEqual([
      ['', NOW + 1],
      ['id2', NOW + 2],
      ['late', NOW + MINUTE],
    ])
  })

  it('marks the stamp up to which ids are unknown', () => {
    const first = carrying(register('a', NOW + 1, 2), over(register('a', NOW, 1)), NOW + 1, 'one')
    expect(first.ids).toEqual([
      ['', NOW],
      ['one', NOW + 1],
    ])
    const second = carrying(register('a', NOW + 2), over(first), NOW + 2, 'two')
    expect(second.ids).toEqual([
      ['', NOW],
      ['one', NOW + 1],
      ['two', NOW + 2],
    ])
    expect(carrying(register('a', NOW + 3), over(second), NOW + 2 * MINUTE + 1).ids).toEqual([
      ['', NOW + 1],
      ['two', NOW + 2],
    ])
    expect(carrying(register('a', NOW + 3), over(second), NOW + 2 * MINUTE + 2)).not.toHaveProperty('ids')
  })

  it('keeps the newest 200, and the stamp of the last dropped', () => {
    const many = { ...register('a', NOW, 1), ids: ids(MAX_IDS) }
    const { ids: known = [] } = carrying(register('a', NOW + 1000, 1), over(many), NOW, 'new')
    expect([known.length, known[0], known[1], known.at(-1)]).toEqual([
      200,
      ['', NOW + 1],
      ['id2', NOW + 2],
      ['new', NOW + 1000],
    ])
    expect(carrying(register('a', NOW + 2000, 1), over({ ...many, ids: known }), NOW).ids).toEqual(known)
  })

  it('knows the stamp of a computed change, but of no plain change', () => {
    const cut: StoredRegister = { ...before, ids: [['', stamp(NOW - 1)], ...ids(1)] }
    expect([takenAt(before, 'one'), takenAt(before, 'two'), takenAt(undefined, 'one'), takenAt(cut, '')]).toEqual([
      NOW,
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('two copies of a write', () => {
  it('the copy with more ids is news', () => {
    const without = register('a', NOW, { b: 1 })
    const known = { ...without, ids: ids(1) }
    expect([isNews(known, without), isNews(without, known), isNews(known, known)]).toEqual([true, false, false])
    expect([isNews(known, register('a', NOW, { b: 2 })), isNews(known, register('a', NOW + 1, { b: 1 }))]).toEqual([
      false,
      false,
    ])
  })
})

describe('ids', () => {
  it.each(['a', 'Z_9-', 'x'.repeat(32)])('include %s', (id) => {
    expect(isId(id)).toBe(true)
  })

  it.each(['', 'a b', 'a:b', 'a,b', '\u00e9', 'a\n', 'x'.repeat(33), 1, null, undefined])('exclude %j', (id) => {
    expect(isId(id)).toBe(false)
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

  it('go into a ticket by key while they are young', () => {
    const registers = [
      { ...register('a', NOW, 1), ids: ids(1) },
      { ...register('b', NOW, 2), ids: [['old', stamp(NOW - 2 * MINUTE)] as const] },
      register('c', NOW, 3),
    ]
    const claims = idsOf(registers, NOW)
    expect(claims).toEqual({ ids: { a: [['id0', NOW]] } })
    const plain = registers.map(({ key, stamp, value }) => ({ key, stamp, value }))
    expect(withIds(plain, claims.ids)).toEqual([registers[0], plain[1], plain[2]])
    expect(idsOf(plain, NOW)).toEqual({})
  })

  it('are limited to 50 in a ticket, but not between nodes', () => {
    const registers = [
      { ...register('a', NOW, 1), ids: ids(MAX_IDS) },
      { ...register('b', NOW, 1), ids: ids(MAX_IDS) },
      register('c', NOW, 1),
    ]
    const { ids: { a = [], b = [], c } = {} } = idsOf(registers, NOW)
    const [[unknown] = [''], ...known] = a
    expect([a.length, b, c, unknown]).toEqual([25, a, undefined, ''])
    expect(known).toEqual(ids(MAX_IDS).slice(-24))
    expect(idsOf(registers, NOW, Infinity)).toEqual({ ids: { a: ids(MAX_IDS), b: ids(MAX_IDS) } })
  })

  it('replace a shorter list, in any order', () => {
    const [full, cut] = [ids(3), [['', stamp(NOW)] as const, ...ids(3).slice(1)]].map((known) => ({
      ...register('a', NOW, 1),
      ids: known,
    })) as [StoredRegister, StoredRegister]
    expect([isNews(full, cut), isNews(cut, full)]).toEqual([true, false])
  })

  it.each([null, 1, 'a', [[1]], { a: 1 }, { a: [['a', 1, 1]] }, JSON.parse('{"__proto__":[["a",1]]}')])(
    'add nothing if malformed: %j',
    (input) => {
      const registers = [register('a', NOW, 1)]
      expect(withIds(registers, input)).toEqual(registers)
    },
  )
})
