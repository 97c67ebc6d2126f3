import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { type Evidence, isForeign, judge } from './schedule/judge.js'
import { type Departure, Record, type Sight, type Write } from './schedule/record.js'

const ANN = createHash('sha256').update('user:s:ann').digest('base64url')
const WRITE: Write = {
  tab: 'tab 0',
  key: 'division',
  text: '1',
  whose: ['g', 'g'],
  began: 10,
  ended: 20,
  isAdded: false,
  outcome: 'saved',
  page: 'one',
  browser: 0,
  isTied: true,
  isKept: true,
}
/** A sight in another page, later, as another guest. */
const SIGHT: Sight = { key: 'division', text: '1', whose: ['h', 'h'], at: 100, tab: 'tab 1', page: 'two', browser: 0 }
const LEFT: Departure = { browser: 0, isOut: true, isForgotten: true, began: 50, ended: 60 }
const SIGNED_IN: Departure = { ...LEFT, isOut: false, isForgotten: false }
const SIGNED_OUT: Departure = { ...LEFT, isForgotten: false }
/** A sight in this browser, before the guest left. */
const KNOWN: Sight = { ...SIGHT, page: 'three', whose: ['g', 'g'], at: 30 }

function judged(
  write: Partial<Write>,
  sight: Partial<Sight>,
  pendingRotations: readonly Departure[],
  ...others: Sight[]
): boolean {
  const shown = { ...SIGHT, ...sight }
  const evidence: Evidence = { pendingRotations, sights: [...others, shown] }
  return isForeign({ ...WRITE, ...write }, shown, evidence)
}

describe('a value shown by a page', () => {
  it.each<[string, Partial<Write>, Partial<Sight>, readonly Departure[], ...Sight[]]>([
    ['a guest after its author left', {}, {}, [LEFT]],
    [
      'a guest in a page that a user had in between',
      {},
      { page: 'one' },
      [SIGNED_IN, SIGNED_OUT],
      { ...KNOWN, page: 'one', whose: [ANN, 'b'] },
    ],
    ['a guest if a user set it', { whose: [ANN, 'b'] }, {}, [SIGNED_OUT]],
    ['a guest in another browser', {}, { browser: 1 }, []],
    [
      'a guest after its author left, whose cookie only another page knew',
      { whose: ['n', ''], isTied: false },
      {},
      [LEFT],
      KNOWN,
    ],
    ['a guest after its author left without a confirmed cookie', { isTied: false }, {}, [LEFT], KNOWN],
    ['the browser’s next guest if browser-scoped', { key: 'theme' }, { key: 'theme' }, [LEFT]],
    ['a guest with an id created at the same time', {}, {}, []],
    ['the same page under another guest', {}, { page: 'one' }, []],
    [
      'a guest with an id created at the same time, if the field is browser-scoped',
      { key: 'theme' },
      { key: 'theme' },
      [],
    ],
  ])('is foreign to %s', (_, write, sight, pendingRotations, ...others) => {
    expect(judged(write, sight, pendingRotations, ...others)).toBe(true)
  })

  it.each<[string, Partial<Write>, Partial<Sight>, readonly Departure[], ...Sight[]]>([
    ['the same guest', {}, { whose: ['g', 'g'] }, [LEFT]],
    ['a guest if its author’s cookie was unconfirmed', { isTied: false }, {}, []],
    ['a guest if its unconfirmed author wrote after the departure', { isTied: false, began: 70 }, {}, [LEFT], KNOWN],
    ['a guest if its author had no cookie', { whose: ['n', ''], isTied: false }, {}, []],
    [
      'the page of the same guest, which had no cookie at first',
      { whose: ['n', ''], isTied: false },
      { page: 'one' },
      [LEFT],
    ],
    ['the user after the guest’s sign-in', {}, { whose: [ANN, 'b'] }, [SIGNED_IN]],
    ['a guest if the browser had no cookie at the departure', { whose: ['n', ''], isTied: false }, {}, [LEFT]],
    ['the guest after a sign-out, if browser-scoped', { key: 'theme' }, { key: 'theme' }, [SIGNED_OUT]],
  ])('is not foreign to %s', (_, write, sight, pendingRotations, ...others) => {
    expect(judged(write, sight, pendingRotations, ...others)).toBe(false)
  })
})

describe('an added item, missing at the end', () => {
  const SAID = {
    ...WRITE,
    key: 'cart',
    text: '["c1"]',
    isAdded: true,
    began: 100,
    ended: 110,
    outcome: 'pending',
  } as const
  const judged = (
    isKept: boolean,
    outcome: string,
    other?: { readonly tab: string; readonly began: number },
    shownAt = Infinity,
    ...kills: number[]
  ): unknown => {
    const record = new Record()
    record.kills.push(...kills)
    record.add('tab 0', 0, {
      id: 1,
      said: [{ ...SAID, outcome }],
      shown: [{ key: 'cart', text: '["c2"]', whose: WRITE.whose, at: shownAt }],
      whose: WRITE.whose,
      kept: isKept ? ['g'] : [],
    })
    const later = { ...SAID, text: '["c2"]', began: other?.began ?? 0 }
    if (other) record.add(other.tab, 0, { id: 2, said: [later], shown: [], whose: WRITE.whose, kept: ['g'] })
    return judge(record, [{ browser: 0, whose: WRITE.whose, values: { cart: other ? ['c2'] : [] } }])
  }

  it('counts as lost', () => {
    expect(judged(true, 'pending')).toEqual(['c1 is lost'])
    expect(judged(true, 'pending', { tab: 'tab 0', began: 200 })).toEqual(['c1 is lost'])
    expect(judged(true, 'pending', { tab: 'tab 1', began: 90 }, 95)).toEqual(['c1 is lost'])
    expect(judged(false, 'saved')).toEqual(['c1 was said to be saved, and is lost'])
  })

  it('may be lost after an unknown change of the former page', () => {
    expect(judged(true, 'pending', { tab: 'tab 0', began: 90 })).toEqual([])
  })

  it('may be lost if a killed server had an earlier pending change', () => {
    expect(judged(true, 'pending', { tab: 'tab 1', began: 90 }, 95, 80)).toEqual(['c1 is lost'])
    expect(judged(true, 'pending', { tab: 'tab 1', began: 90 }, 95, 97)).toEqual([])
  })

  it('may be lost if its browser’s first cookie was unconfirmed', () => {
    expect(judged(false, 'pending')).toEqual([])
  })

  it('may be lost if its page never showed the other tab’s change', () => {
    expect(judged(true, 'pending', { tab: 'tab 1', began: 200 })).toEqual([])
    expect(judged(true, 'pending', { tab: 'tab 1', began: 90 }, 110)).toEqual([])
  })
})

describe('an added item, twice at the end', () => {
  const judged = (signedInAt: number, killedAt: number): unknown => {
    const record = new Record()
    const said = [{ ...WRITE, key: 'cart', text: '["c1"]', isAdded: true } as const]
    record.add('tab 0', 0, { id: 1, said, shown: [], whose: WRITE.whose, kept: ['g'] })
    record.pendingRotations.push({ ...SIGNED_IN, began: signedInAt })
    record.kills.push(killedAt)
    return judge(record, [{ browser: 0, whose: WRITE.whose, values: { cart: ['c1', 'c1'] } }])
  }

  it('counts as repeated, unless the server was killed after a sign-in', () => {
    expect(judged(50, 40)).toEqual(['c1 is there twice'])
    expect(judged(50, 60)).toEqual([])
  })
})
