import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  decodeRegister,
  type EncodedRegister,
  encodeRegister,
  mergeRegisters,
  type StoredRegister,
  sweepRule,
} from 'koa-live-session/store'
import { Replica } from '../../../shared/replica.js'
import { register } from '../../support/app/register.js'
import { stamp } from '../../support/app/stamp.js'
import { DAY, HOUR } from '../../support/app/times.js'

const anyRegister = fc.record({
  key: fc.constantFrom('a', 'b'),
  stamp: fc.integer({ min: 1, max: 4 }).map(stamp),
  value: fc.constantFrom(undefined, null, false, 0, '', 1, 10, 'a', '\u00e9', ['a'], { a: 1, b: 2 }, { b: 2, a: 1 }),
  ids: fc.constantFrom(undefined, [['one', stamp(1)] as const], [['', stamp(1)] as const, ['one', stamp(1)] as const]),
})

function encoded(key: string, value: StoredRegister['value'] = 1): EncodedRegister {
  return encodeRegister({ key, stamp: 1, value })
}

function keysOf(registers: readonly { readonly key: string }[]): string {
  return registers.map(({ key }) => key).join()
}

describe('encodeRegister()', () => {
  it('is reversed by decodeRegister()', () => {
    fc.assert(fc.property(anyRegister, (each) => expect(decodeRegister(encodeRegister(each))).toEqual(each)))
  })

  it.each([0, -1, 1.5, 2 ** 53, Number.NaN])('refuses the stamp %d', (at) => {
    expect(() => encodeRegister({ key: 'a', stamp: at })).toThrow('koa-live-session: expected a stamp')
  })
})

describe('mergeRegisters()', () => {
  it('leaves the registers that a replica keeps', () => {
    fc.assert(
      fc.property(fc.array(anyRegister), fc.array(anyRegister), (stored, written) => {
        const replica = new Replica()
        for (const each of [...stored, ...written]) replica.merge(each, 'store')
        const first = mergeRegisters([], stored.map(encodeRegister))
        const merged = mergeRegisters(first, written.map(encodeRegister))
        const expected = replica.registers().map(encodeRegister)
        expect(new Map(merged.map((each) => [each.key, each]))).toEqual(
          new Map(expected.map((each) => [each.key, each])),
        )
      }),
    )
  })

  it.each([Number.NaN, 2 ** 53, Infinity, 'x'])('replaces a register with the invalid stamp %p', (at) => {
    const valid = encoded('a')
    const invalid = { ...valid, stamp: at as number }
    expect([mergeRegisters([invalid], [valid]), mergeRegisters([valid], [invalid])]).toEqual([[valid], [valid]])
  })

  it.each<unknown>([10n, '10'])('keeps a register whose stamp a database returns as %p', (at) => {
    const stored = { ...encoded('a'), stamp: at as number }
    expect(mergeRegisters([stored], [{ ...encoded('a'), stamp: 9 }])).toEqual([stored])
  })
})

describe('sweepRule()', () => {
  const now = 1_000 * DAY
  const before = now - 100 * DAY
  const values = [encoded('a'), encoded('$epoch'), encoded('$generation')]

  it.each([
    ['used since', before, 'a,$epoch,$generation'],
    ['unused, and revoked lately', before - 1, '$epoch,$generation'],
    ['unused since before `revocations`', before - DAY - 1, ''],
  ])('keeps of a subject %s', (_, lastUse, left) => {
    expect(keysOf(sweepRule(before, { revocations: before - DAY }, { now }).keep('user:7', values, lastUse))).toBe(left)
  })

  it.each([
    ['browser:7', ''],
    ['user:7', 'a'],
  ])('ends guests earlier than users: %s', (subject, left) => {
    expect(keysOf(sweepRule(before, { guests: now }, { now }).keep(subject, [encoded('a')], now - 1))).toBe(left)
  })

  it.each([
    [HOUR, now - HOUR, 'a,$maxAge'],
    [HOUR, now - HOUR - 1, ''],
    [-1, now, ''],
    ['session', now - HOUR, 'a,$maxAge'],
    [undefined, now - HOUR, 'a,$maxAge'],
    [1000 * DAY, before - 1, ''],
  ])('ends a subject by its own $maxAge: %p', (life, lastUse, left) => {
    const own = [encoded('a'), encodeRegister(register('$maxAge', 1, life))]
    expect(keysOf(sweepRule(before, {}, { now }).keep('session:7', own, lastUse))).toBe(left)
  })

  it('allows for uses that are recorded late', () => {
    const { keep, limitOf, revocations } = sweepRule(before, {}, { now, lag: HOUR })
    expect(keysOf(keep('user:7', [encoded('a')], before - HOUR))).toBe('a')
    expect([limitOf('user:'), limitOf('user:', '0'), revocations]).toEqual([before - HOUR, now - HOUR, before - HOUR])
  })
})
