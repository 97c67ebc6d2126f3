import { describe, expect, it } from '@jest/globals'
import { decide, inOrder, readChanges, writeList } from '../../server/exchange/decide.js'
import { compileFields } from '../../shared/compiled-fields.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { WireChange } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import type { Stamp } from '../../shared/stamp.js'

const NOW = 1000

const text = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) => (typeof value === 'string' ? { value } : { issues: [{ message: 'no text' }] }),
  },
} as const
const fields = compileFields(
  {
    a: { schema: text, default: '', client: 'write' },
    b: { schema: text, default: '', client: 'write' },
    brief: { schema: text, default: '', client: 'write', maxAge: 100 },
    member: { schema: text, default: '', client: 'write', guests: 'read' },
    shown: { schema: text, default: '' },
    secret: { schema: text, default: '', client: 'hidden' },
  },
  3000,
  { onLogin: 'account' },
)

type Known = readonly [stamp: number, value?: string, id?: string]

const registerOf = (key: string, [stamp, value, id]: Known): LwwRegister => {
  const ids = id === undefined ? undefined : [[id, stamp as Stamp] as const]
  return { key, stamp: stamp as Stamp, value, ids }
}

interface Given {
  readonly known?: Readonly<Record<string, Known>>
  readonly isStored?: boolean
  readonly isGuest?: boolean
}

/** Decides a message, group by group, and returns each outcome and what is to be done. */
function decided(set: readonly WireChange[], { known = {}, isStored = false, isGuest = false }: Given = {}) {
  const changes = readChanges(set, { fields, isGuest, isStored: () => isStored })
  const registers = new Map(Object.entries(known).map(([key, one]) => [key, registerOf(key, one)]))
  const groups = inOrder(changes)
  const lists = groups.filter(([first]) => first?.isListed)
  const done = groups
    .filter((group) => !lists.includes(group))
    .map((group) => {
      const decision = decide(group, ({ key }) => registers.get(key), NOW)
      for (const [{ key }, register] of decision.written) registers.set(key, register)
      return decision
    })
  return {
    outcomes: changes.map(({ outcome }) => (outcome instanceof LiveSessionError ? outcome.code : outcome)),
    current: changes.map(({ outcome }) => (outcome instanceof LiveSessionError ? outcome.current : undefined)),
    written: done.flatMap(({ written }) =>
      Array.from(written.values(), ({ key, stamp, value, ids }) => [key, stamp, value, ids?.map(([id]) => id)]),
    ),
    same: done.flatMap(({ same }) => same.map(({ key }) => key)),
    lists,
  }
}

describe('a decision about the changes of a page', () => {
  it.each<readonly [what: string, change: WireChange, known: Known | undefined, outcome: unknown, written: unknown]>([
    ['applies a first value', ['a', 0, '', 'x'], undefined, NOW, ['a', NOW, 'x', undefined]],
    ['applies over its base', ['a', 5, '', 'x'], [5, 'o'], NOW, ['a', NOW, 'x', undefined]],
    ['applies over a base newer than the register', ['a', 7, '', 'x'], [5, 'o'], NOW, ['a', NOW, 'x', undefined]],
    ['stamps after a stamp ahead of the clock', ['a', 2000, '', 'x'], [2000, 'o'], 2001, ['a', 2001, 'x', undefined]],
    ['lowers a base ahead of the clock to it', ['a', 9000, '', 'x'], [5, 'o'], NOW + 1, ['a', NOW + 1, 'x', undefined]],
    [
      'does not lower a base below the register’s stamp',
      ['a', 9000, '', 'x'],
      [2000, 'o'],
      2001,
      ['a', 2001, 'x', undefined],
    ],
    ['deletes', ['a', 5, ''], [5, 'o'], NOW, ['a', NOW, undefined, undefined]],
    ['applies with any base', ['a', -1, '', 'x'], [5, 'o'], NOW, ['a', NOW, 'x', undefined]],
    ['refuses an overtaken set', ['a', 4, '', 'x'], [5, 'o'], 'superseded', undefined],
    ['accepts an overtaken set of the same value', ['a', 4, '', 'o'], [5, 'o'], 5, undefined],
    ['applies an update, with its id', ['a', 5, 'p-1', 'x'], [5, 'o'], NOW, ['a', NOW, 'x', ['', 'p-1']]],
    ['refuses an overtaken update', ['a', 4, 'p-1', 'x'], [5, 'o'], 'conflict', undefined],
    ['refuses an overtaken update of the same value', ['a', 4, 'p-1', 'o'], [5, 'o'], 'conflict', undefined],
    ['recognizes a retried update', ['a', 4, 'p-1', 'x'], [950, 'x', 'p-1'], 950, undefined],
    ['recognizes it by a later id of its page', ['a', 4, 'p-1', 'x'], [950, 'x', 'p-2'], 949, undefined],
    ['refuses an id far ahead', ['a', 950, 'p-20000', 'x'], [950, 'x', 'p-1'], 'rate_limited', undefined],
    ['refuses an update over an expired value', ['brief', 5, 'p-1', 'x'], [5, 'o'], 'conflict', undefined],
    ['applies a set over an expired value', ['brief', 5, '', 'x'], [5, 'o'], NOW, ['brief', NOW, 'x', undefined]],
    ['refuses an undeclared key', ['none', 0, '', 'x'], undefined, 'undeclared_key', undefined],
    ['refuses a hidden field as undeclared', ['secret', 0, '', 'x'], undefined, 'undeclared_key', undefined],
    ['refuses a field that pages may only read', ['shown', 0, '', 'x'], undefined, 'not_writable', undefined],
    ['refuses an invalid value', ['a', 0, '', 7], undefined, 'invalid_value', undefined],
  ])('%s', (_, change, known, outcome, register) => {
    const [key] = change
    const { outcomes, written } = decided([change], { known: known ? { [key]: known } : {} })
    expect(outcomes).toEqual([outcome])
    expect(written).toEqual(register === undefined ? [] : [register])
  })

  it('refuses a guest where only users may write', () => {
    expect(decided([['member', 0, '', 'x']], { isGuest: true }).outcomes).toEqual(['users_only'])
    expect(decided([['member', 0, '', 'x']]).outcomes).toEqual([NOW])
  })

  it('tells the current value with the refusal; no value once it has expired', () => {
    expect(decided([['a', 4, '', 'x']], { known: { a: [5, 'o'] } }).current).toEqual([{ stamp: 5, value: 'o' }])
    const { current } = decided([['brief', 4, 'p-1', 'x']], { known: { brief: [5, 'o'] } })
    expect(current).toEqual([{ stamp: 5.5, value: undefined }])
  })

  it('stores again what another process may not have stored', () => {
    expect(decided([['a', 4, '', 'o']], { known: { a: [5, 'o'] } }).same).toEqual(['a'])
  })

  describe('with several changes of a key', () => {
    const list: readonly WireChange[] = [
      ['a', 5, 'p-1', 'x'],
      ['a', 5, 'p-2', 'xy'],
    ]

    it('bases each on the previous', () => {
      const { outcomes, written } = decided(list, { known: { a: [5, 'o'] } })
      expect(outcomes).toEqual([NOW, NOW + 1])
      expect(written).toEqual([
        ['a', NOW, 'x', ['', 'p-1']],
        ['a', NOW + 1, 'xy', ['', 'p-2']],
      ])
    })

    it('recognizes those accepted before', () => {
      expect(decided(list, { known: { a: [900, 'x', 'p-1'] } }).outcomes).toEqual([900, NOW])
      expect(decided(list, { known: { a: [900, 'z', 'p-1'] } }).outcomes).toEqual([900, 'conflict'])
    })

    it('refuses an update after a refused change, but no set', () => {
      expect(decided([['a', 0, '', 7], list[1] as WireChange]).outcomes).toEqual(['invalid_value', 'conflict'])
      expect(
        decided([
          ['a', 0, '', 7],
          ['a', 0, '', 'x'],
        ]).outcomes,
      ).toEqual(['invalid_value', NOW])
    })
  })

  describe('with a group', () => {
    it('gives its values one stamp, after all of their stamps', () => {
      const set: readonly WireChange[] = [
        ['a', -1, '', 'x', 'g'],
        ['b', -1, '', 'y', 'g'],
      ]
      expect(decided(set, { known: { a: [2000, 'o'] } }).outcomes).toEqual([2001, 2001])
    })

    it('refuses it as a whole for an invalid change, in part for a newer value', () => {
      const group = (b: unknown): readonly WireChange[] => [
        ['a', 0, '', 'x', 'g'],
        ['b', 0, '', b as never, 'g'],
      ]
      expect(decided(group(7)).outcomes).toEqual(['invalid_value', 'invalid_value'])
      expect(decided(group('y'), { known: { a: [5, 'o'] } }).outcomes).toEqual(['superseded', NOW])
    })

    it('comes after earlier changes of its keys', () => {
      const set: readonly WireChange[] = [
        ['a', 0, '', 'x', 'g'],
        ['b', 0, 'p-1', 'y'],
        ['b', 0, '', 'z', 'g'],
      ]
      expect(decided(set).written).toEqual([
        ['b', NOW, 'y', ['p-1']],
        ['a', NOW + 1, 'x', undefined],
        ['b', NOW + 1, 'z', ['p-1']],
      ])
    })

    it('ends although two groups interleave', () => {
      const set: readonly WireChange[] = [
        ['a', 0, '', '1', 'g'],
        ['b', 0, '', '2', 'h'],
        ['b', 0, '', '3', 'g'],
        ['a', 0, '', '4', 'h'],
      ]
      expect(decided(set).outcomes).not.toContain(undefined)
    })
  })

  describe('with a store', () => {
    const set: readonly WireChange[] = [
      ['a', 5, 'p-1', 'x'],
      ['a', 5, 'p-2', 'xy'],
      ['a', 5, '', 'z', 'g'],
      ['b', 0, '', 'y', 'g'],
      ['b', 0, '', 'w'],
    ]

    it('leaves updates to it, a list for each key', () => {
      const { lists, outcomes } = decided([['b', 0, '', 'y'], ...set.slice(0, 2)], { isStored: true })
      expect(lists.map((list) => list.map(({ id }) => id))).toEqual([['p-1', 'p-2']])
      expect(outcomes).toEqual([NOW, undefined, undefined])
    })

    it('takes one list of updates of a key', () => {
      const again: WireChange = ['a', 5, 'p-3', 'x']
      expect(decided([...set.slice(0, 3), again], { isStored: true }).outcomes.at(-1)).toBe('rate_limited')
    })

    it('writes a list with a stamp for each, once', () => {
      const [list = []] = decided(set, { isStored: true }).lists
      const write = (current: Known | undefined) =>
        writeList(list, current && registerOf('a', current), NOW as Stamp, NOW)
      expect(write([5, 'o'])).toMatchObject({
        stamp: NOW + 1,
        value: 'xy',
        ids: [
          ['', 5],
          ['p-2', NOW + 1],
        ],
      })
      expect(list.map(({ outcome }) => outcome)).toEqual([NOW, NOW + 1])
      expect(write([900, 'x', 'p-1'])).toMatchObject({ stamp: NOW, value: 'xy' })
      expect(list.map(({ outcome }) => outcome)).toEqual([900, NOW])
      expect(() => write([6, 'other'])).toThrow(/not based on its current value/)
    })
  })
})
