import { describe, expect, it } from '@jest/globals'
import { remainsOf } from '../../client/core/remains.js'
import { isComputed } from '../../client/core/view.js'
import type { JsonValue } from '../../shared/json.js'
import { BarePage, GUEST, OF_GUEST } from '../support/bare-page.js'

/** Adds an item to a list. */
function add(item: string): (value: JsonValue | undefined) => JsonValue {
  return (value) => [...(value as string[]), item]
}

/** A page whose cart is known, and whose cookie has it. */
function shopping(...cart: string[]): BarePage {
  const page = BarePage.greeted()
  page.learn(['cart', 10, cart])
  page.answer({ held: [['cart', 10]] })
  page.effects()
  return page
}

/** Its connection is lost, and what was under way with it. */
function cut(page: BarePage): void {
  page.on('disconnect')
  page.on('answer', 'cart', undefined)
}

function comeBack(page: BarePage, ...changes: [string, number, JsonValue][]): void {
  page.comeBack({ ...OF_GUEST, changes })
}

describe('an update', () => {
  it('is none where nothing has called for it', () => {
    expect(isComputed([])).toBe(false)
  })

  it('is shown at once, and says over which stamp it was computed, and as what it is known', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    expect([page.get('cart'), page.status('cart')]).toEqual([['a', 'b'], 'saving'])
    expect(page.sent()).toEqual([['cart', 10, ['a', 'b'], 1]])
    page.acknowledge('cart', 11)
    page.learn(['cart', 11, ['a', 'b']])
    page.answer({ held: [['cart', 11]] })
    expect([page.settled, page.status('cart')]).toEqual([['update saved'], 'saved'])
  })

  it('begins from the default, over no stamp', () => {
    const page = BarePage.greeted()
    page.update('division', (value) => Number(value) + 1)
    expect([page.get('division'), page.sent()]).toEqual([0, [['division', 0, 0, 1]]])
  })

  it('is computed anew over what another tab has written, which comes with the refusal', () => {
    const page = shopping()
    page.update('cart', add('mine'))
    page.effects()
    page.overtake('cart', 11, ['theirs'])
    expect(page.get('cart')).toEqual(['theirs', 'mine'])
    expect(page.sent()).toEqual([['cart', 11, ['theirs', 'mine'], 1]])
    page.overtake('cart', 12)
    expect(page.sent()).toEqual([['cart', 12, ['mine'], 1]])
    page.acknowledge('cart', 13)
    page.learn(['cart', 13, ['mine']])
    page.answer({ held: [['cart', 13]] })
    expect(page.settled).toEqual(['update saved'])
  })

  it('is computed anew over what another tab has written where it had not gone out', () => {
    const page = shopping('a')
    page.on('disconnect')
    page.update('cart', add('b'))
    comeBack(page, ['cart', 12, ['a', 'x']])
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'x', 'b'], [['cart', 12, ['a', 'x', 'b'], 1]]])
  })

  it('is not computed again where the value before it is what it was', () => {
    const page = shopping('a')
    let times = 0
    page.on('disconnect')
    page.update('cart', (value) => {
      times += 1
      return add('b')(value)
    })
    const shown = page.get('cart')
    comeBack(page, ['cart', 12, ['a']])
    expect([times, page.sent()]).toEqual([1, [['cart', 12, ['a', 'b'], 1]]])
    expect(page.get('cart')).toBe(shown)
  })

  it('is sent again as it was, and as one that is known, where the answer was lost', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    page.effects()
    cut(page)
    comeBack(page, ['cart', 12, ['a', 'b']])
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'b'], [['cart', 10, ['a', 'b'], -1]]])
    page.acknowledge('cart', 12)
    expect([page.get('cart'), page.settled]).toEqual([['a', 'b'], []])
  })

  it('is given up where it was sent again, and the server does not know whether it was taken', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    cut(page)
    comeBack(page, ['cart', 12, ['a', 'b']])
    page.on('answer', 'cart', { ok: false, code: 'superseded', key: 'cart', stamp: 12, value: ['a', 'b'] })
    expect([page.settled, page.get('cart')]).toEqual([['update superseded'], ['a', 'b']])
  })

  it('is computed anew where it was sent again, and was not taken', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    cut(page)
    comeBack(page, ['cart', 12, ['a', 'x']])
    page.effects()
    page.overtake('cart', 12, ['a', 'x'])
    expect([page.settled, page.sent()]).toEqual([[], [['cart', 12, ['a', 'x', 'b'], 1]]])
  })

  it('is refused where the server knows of nothing newer, rather than sent again for ever', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    page.on('answer', 'cart', { ok: false, code: 'conflict', key: 'cart' })
    expect([page.settled, page.get('cart')]).toEqual([['update conflict'], ['a']])
  })

  it('that is refused for what it is, is rolled back', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    page.refuse('cart', 'invalid_value')
    expect([page.settled, page.get('cart'), page.status('cart')]).toEqual([
      ['update invalid_value'],
      ['a'],
      'invalid_value',
    ])
  })

  it('waits, as it is, where the server would take it at another time', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    page.refuse('cart', 'rate_limited')
    page.effects()
    page.learn(['cart', 12, ['a', 'x']])
    page.time('send')
    expect(page.sent()).toEqual([['cart', 12, ['a', 'x', 'b'], 1]])
  })
})

describe('what throws', () => {
  const broken = (): never => {
    throw new RangeError('no')
  }

  it('is what its promise is rejected with, and nothing is changed', () => {
    const page = shopping('a')
    page.update('cart', broken)
    const [, , , refusal] = page.effects('settle')[0] ?? []
    expect((refusal as { error: unknown }).error).toBeInstanceOf(RangeError)
    expect([page.get('cart'), page.status('cart'), page.sent()]).toEqual([['a'], 'saved', []])
  })

  it('over a newer value is rolled back; what was computed before and after it stays', () => {
    const page = shopping('a')
    page.on('disconnect')
    page.update('cart', add('b'), 'b')
    page.update('cart', (value) => ((value as string[]).includes('x') ? broken() : add('c')(value)), 'c')
    page.update('cart', add('d'), 'd')
    expect(page.get('cart')).toEqual(['a', 'b', 'c', 'd'])
    comeBack(page, ['cart', 12, ['x']])
    expect([page.get('cart'), page.settled]).toEqual([['x', 'b', 'd'], ['c invalid_value']])
  })
})

describe('several updates of one key', () => {
  it('go out as one where none was sent, and each is settled with it', () => {
    const page = shopping()
    page.on('disconnect')
    for (const item of ['a', 'b', 'c']) page.update('cart', add(item), item)
    comeBack(page, ['cart', 10, []])
    expect(page.sent()).toEqual([['cart', 10, ['a', 'b', 'c'], 1]])
    page.acknowledge('cart', 12)
    page.learn(['cart', 12, ['a', 'b', 'c']])
    page.answer({ held: [['cart', 12]] })
    expect(page.settled).toEqual(['a saved', 'b saved', 'c saved'])
  })

  it('go out one after the other where the first is under way', () => {
    const page = shopping()
    for (const item of ['a', 'b', 'c']) page.update('cart', add(item), item)
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'b', 'c'], [['cart', 10, ['a'], 1]]])
    page.acknowledge('cart', 11)
    expect(page.sent()).toEqual([['cart', 11, ['a', 'b', 'c'], 2]])
  })

  it('are all computed anew, in their order, where the first was overtaken', () => {
    const page = shopping()
    for (const item of ['a', 'b', 'c']) page.update('cart', add(item), item)
    page.effects()
    page.overtake('cart', 11, ['x'])
    expect([page.get('cart'), page.sent()]).toEqual([['x', 'a', 'b', 'c'], [['cart', 11, ['x', 'a', 'b', 'c'], 1]]])
  })

  it('are computed from what the schema has made of the first', () => {
    const page = shopping()
    page.update('cart', add('a'))
    page.update('cart', add('b'))
    page.effects()
    page.learn(['cart', 11, ['A']])
    page.acknowledge('cart', 11)
    expect(page.sent()).toEqual([['cart', 11, ['A', 'b'], 2]])
  })

  it('keep the latter where the former was refused', () => {
    const page = shopping()
    page.update('cart', add('a'), 'a')
    page.update('cart', add('b'), 'b')
    page.effects()
    page.refuse('cart', 'invalid_value')
    expect([page.settled, page.sent()]).toEqual([['a invalid_value'], [['cart', 10, ['b'], 2]]])
  })

  it('wait for the end of one whose answer was lost', () => {
    const page = shopping()
    page.update('cart', add('a'), 'a')
    page.update('cart', add('b'), 'b')
    page.effects()
    cut(page)
    comeBack(page, ['cart', 11, ['a', 'x']])
    expect(page.sent()).toEqual([['cart', 10, ['a'], -1]])
    page.acknowledge('cart', 11)
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'x', 'b'], [['cart', 11, ['a', 'x', 'b'], 2]]])
  })
})

describe('beside plain changes', () => {
  it('an update of what was set and not sent goes along with it, over whatever there is', () => {
    const page = shopping('a')
    page.on('disconnect')
    page.set('cart', [])
    page.update('cart', add('b'))
    comeBack(page, ['cart', 12, ['x']])
    expect([page.get('cart'), page.sent()]).toEqual([['b'], [['cart', -1, ['b']]]])
  })

  it('an update of what was set and is under way goes after it, over its stamp', () => {
    const page = shopping('a')
    page.set('cart', [])
    page.update('cart', add('b'))
    expect(page.sent()).toEqual([['cart', -1, []]])
    page.acknowledge('cart', 11)
    expect(page.sent()).toEqual([['cart', 11, ['b'], 2]])
  })

  it('what is set stands for the updates before it that were not sent', () => {
    const page = shopping('a')
    page.on('disconnect')
    page.update('cart', add('b'), 'b')
    page.set('cart', [])
    comeBack(page, ['cart', 12, ['x']])
    expect([page.get('cart'), page.sent()]).toEqual([[], [['cart', -1, []]]])
    page.acknowledge('cart', 13)
    page.learn(['cart', 13, []])
    page.answer({ held: [['cart', 13]] })
    expect(page.settled).toEqual(['b saved', ' saved'])
  })

  it('what is set over an update that is overtaken takes its place', () => {
    const page = shopping('a')
    page.update('cart', add('b'), 'b')
    page.set('cart', [])
    page.effects()
    page.overtake('cart', 12, ['x'])
    expect([page.get('cart'), page.sent()]).toEqual([[], [['cart', -1, []]]])
  })

  it('an update of a deleted key begins from the default', () => {
    const page = shopping('a')
    page.set('cart')
    page.update('cart', add('b'))
    page.acknowledge('cart', 11)
    expect([page.get('cart'), page.sent().at(-1)]).toEqual([['b'], ['cart', 11, ['b'], 2]])
  })
})

describe('without a socket', () => {
  const alone = (): BarePage => new BarePage({ ...GUEST, values: { cart: ['a'] }, stamps: { cart: 10 } }, false)

  it('an update goes by POST, and alone', () => {
    const page = alone()
    page.update('cart', add('b'))
    page.set('division', 3)
    expect(page.post()?.set).toEqual([['cart', 10, ['a', 'b'], 1]])
    page.on('posted', { status: 200, wait: 0, answer: { stored: 0, stale: 0, held: [], stamp: 11 } })
    expect(page.post()?.set).toEqual([['division', 0, 3]])
  })

  it('is computed anew over what the refusal says', () => {
    const page = alone()
    page.update('cart', add('b'))
    page.post()
    const error = { code: 'conflict', message: '', key: 'cart', index: 0, stamp: 12, value: ['x'] } as const
    page.on('posted', { status: 409, wait: 0, error })
    expect(page.post()?.set).toEqual([['cart', 12, ['x', 'b'], 1]])
  })
})

describe('an update that is made while the connection is down', () => {
  it('goes out by POST only once the server has answered one: else it may have arrived', () => {
    const page = shopping('a')
    cut(page)
    page.update('cart', add('b'))
    for (let times = 0; times < 3; times += 1) expect(page.fail()).toEqual({ subject: 'g' })
    expect([page.get('cart'), page.status('cart')]).toEqual([['a', 'b'], 'offline'])
    expect(page.answer()).toEqual({ subject: 'g' })
    expect(page.post()?.set).toEqual([['cart', 10, ['a', 'b'], 1]])
  })

  it('is computed anew over what another tab was faster with, when the server is back', () => {
    const page = shopping('a')
    cut(page)
    page.update('cart', add('mine'))
    page.fail()
    comeBack(page, ['cart', 12, ['a', 'theirs']])
    expect(page.sent()).toEqual([['cart', 12, ['a', 'theirs', 'mine'], 1]])
  })

  it('holds nothing back that was set', () => {
    const page = shopping('a')
    cut(page)
    page.update('cart', add('b'))
    page.set('division', 3)
    expect(page.post()?.set).toEqual([['division', 0, 3]])
  })

  it('waits in the same way where a page without a socket had no answer', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.fail()
    page.update('cart', add('b'))
    expect(page.answer({ held: [['division', 5]] })?.set).toEqual([['division', 0, 3]])
    expect(page.post()?.set).toEqual([['cart', 0, ['b'], 2]])
  })

  it('waits in the same way in a page that the browser has kept', () => {
    const page = shopping('a')
    cut(page)
    page.on('leave')
    page.on('return')
    page.update('cart', add('b'))
    expect(page.post()).toEqual({ subject: 'g' })
  })
})

describe('a page that is left', () => {
  it('leaves its updates as a value that was set over the same stamp', () => {
    const page = shopping('a')
    page.on('disconnect')
    page.update('cart', add('b'))
    expect(remainsOf(page.state)).toEqual(new Map())
    page.on('leave')
    expect(page.effects('postLast')).toEqual([['postLast', { subject: 'g', set: [['cart', 10, ['a', 'b']]] }]])
    expect([...remainsOf(page.state)]).toEqual([['draft cart', '{"seen":10,"value":["a","b"]}']])
  })

  it('leaves what was computed from one that is under way over the stamp of that one', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    page.update('cart', add('c'))
    page.learn(['cart', 12, ['a', 'x']])
    page.on('leave')
    expect(page.effects('postLast')).toEqual([
      ['postLast', { subject: 'g', tickets: [expect.any(String)], set: [['cart', 10, ['a', 'b', 'c']]] }],
    ])
    expect(remainsOf(page.state).get('draft cart')).toBe('{"seen":10,"value":["a","b","c"],"former":["a","b"]}')
  })

  it('computes nothing once more where it comes back, as it may have been taken meanwhile', () => {
    const page = shopping('a')
    page.on('disconnect')
    page.update('cart', add('b'))
    page.on('leave')
    page.on('return')
    comeBack(page, ['cart', 12, ['a', 'b', 'x']])
    expect(page.sent()).toEqual([['cart', 10, ['a', 'b']]])
    page.refuse('cart', 'superseded')
    expect([page.get('cart'), page.settled]).toEqual([['a', 'b', 'x'], ['update superseded']])
  })

  it('leaves what was set before an update for as long as it lives', () => {
    const page = shopping('a')
    page.set('cart', ['s'])
    page.update('cart', add('b'))
    expect([...remainsOf(page.state)]).toEqual([['draft cart', '{"seen":10,"value":["s"]}']])
  })

  it('leaves what was set over an update that is under way', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    page.set('cart', ['s'])
    expect(remainsOf(page.state).get('draft cart')).toBe('{"seen":10,"value":["s"],"former":["a","b"]}')
  })
})
