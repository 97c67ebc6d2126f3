import { describe, expect, it } from '@jest/globals'
import { serializeOutbox } from '../../client/core/outbox.js'
import type { JsonValue } from '../../shared/json.js'
import { BarePage, GUEST, THE_GUEST } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'

function add(item: string): (value: JsonValue | undefined) => JsonValue {
  return (value) => [...(value as string[]), item]
}

function shopping(...cart: string[]): BarePage {
  const page = BarePage.greeted()
  page.receiveChanges(['cart', 10, cart])
  page.answerPost({ persisted: [['cart', 10]] })
  page.effects()
  return page
}

function comeBack(page: BarePage, ...changes: [string, number, JsonValue][]): void {
  page.comeBack({ ...THE_GUEST, changes })
}

describe('an update', () => {
  it('is shown, then sent with an id and its base stamp', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    expect([page.get('cart'), page.status('cart')]).toEqual([['a', 'b'], 'saving'])
    expect(page.sent()).toEqual([['cart', 10, 'page-1', ['a', 'b']]])
    page.accept(11)
    page.answerPost()
    expect([page.settled, page.status('cart')]).toEqual([['update saved'], 'saved'])
  })

  it('rebases onto each conflict’s value, under the same id', () => {
    const page = shopping()
    page.update('cart', add('mine'))
    page.effects()
    page.overtake(11, ['theirs'])
    expect(page.get('cart')).toEqual(['theirs', 'mine'])
    expect(page.sent()).toEqual([['cart', 11, 'page-1', ['theirs', 'mine']]])
    page.overtake(12)
    expect(page.sent()).toEqual([['cart', 12, 'page-1', ['mine']]])
    page.accept(13)
    page.answerPost()
    expect(page.settled).toEqual(['update saved'])
  })

  it('if unsent, rebases onto the greeting’s newer value', () => {
    const page = shopping('a')
    page.on('disconnect')
    page.update('cart', add('b'))
    comeBack(page, ['cart', 12, ['a', 'x']])
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'x', 'b'], [['cart', 12, 'page-1', ['a', 'x', 'b']]]])
  })

  it('is not rebased onto an equal value', () => {
    const page = shopping('a')
    let times = 0
    page.on('disconnect')
    page.update('cart', (value) => {
      times += 1
      return add('b')(value)
    })
    const shown = page.get('cart')
    comeBack(page, ['cart', 12, ['a']])
    expect([times, page.sent()]).toEqual([1, [['cart', 12, 'page-1', ['a', 'b']]]])
    expect(page.get('cart')).toBe(shown)
  })

  it('is resent unchanged after a lost answer', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    page.effects()
    comeBack(page, ['cart', 12, ['a', 'b']])
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'b'], [['cart', 10, 'page-1', ['a', 'b']]]])
    page.answerSocket({ results: [{ stamp: 12, level: 'memory' }] })
    expect([page.get('cart'), page.settled]).toEqual([['a', 'b'], []])
    page.answerPost({ persisted: [['cart', 12]] })
    expect(page.settled).toEqual(['update saved'])
  })

  it('rebases if its first attempt never reached the server', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    comeBack(page, ['cart', 12, ['a', 'x']])
    page.effects()
    page.overtake(12, ['a', 'x'])
    expect([page.settled, page.sent()]).toEqual([[], [['cart', 12, 'page-1', ['a', 'x', 'b']]]])
  })

  it('is rejected on a conflict without a newer value', () => {
    const page = shopping('a')
    page.update('cart', add('b'))
    page.refuse('conflict')
    expect([page.settled, page.get('cart')]).toEqual([['update conflict'], ['a']])
  })
})

describe('a throwing update', () => {
  const broken = (): never => {
    throw new RangeError('no')
  }

  it('rejects with the error and changes nothing', () => {
    const page = shopping('a')
    page.update('cart', broken)
    const [, , refusal] = page.effects('settle')[0] ?? []
    expect((refusal as { error: unknown }).error).toBeInstanceOf(RangeError)
    expect([page.get('cart'), page.status('cart'), page.sent()]).toEqual([['a'], 'saved', []])
  })

  it('rolls back alone if it throws during a rebase', () => {
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

describe('several updates of a key', () => {
  it('made offline go out as a single change', () => {
    const page = shopping()
    page.on('disconnect')
    for (const item of ['a', 'b', 'c']) page.update('cart', add(item), item)
    comeBack(page, ['cart', 10, []])
    expect(page.sent()).toEqual([['cart', 10, 'page-3', ['a', 'b', 'c']]])
    page.accept(12)
    page.answerPost()
    expect(page.settled).toEqual(['a saved', 'b saved', 'c saved'])
  })

  it('wait for the first in flight, then go out as one change', () => {
    const page = shopping()
    for (const item of ['a', 'b', 'c']) page.update('cart', add(item), item)
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'b', 'c'], [['cart', 10, 'page-1', ['a']]]])
    page.accept(11)
    expect(page.sent()).toEqual([['cart', 11, 'page-3', ['a', 'b', 'c']]])
  })

  it('are rebased in order after a conflict', () => {
    const page = shopping()
    for (const item of ['a', 'b', 'c']) page.update('cart', add(item), item)
    page.effects()
    page.overtake(11, ['x'])
    expect(page.get('cart')).toEqual(['x', 'a', 'b', 'c'])
    expect(page.sent()).toEqual([['cart', 11, 'page-1', ['x', 'a']]])
    page.accept(12)
    expect(page.sent()).toEqual([['cart', 12, 'page-3', ['x', 'a', 'b', 'c']]])
  })

  it('build on the value normalized by the schema', () => {
    const page = shopping()
    page.update('cart', add('a'))
    page.update('cart', add('b'))
    page.effects()
    page.receiveChanges(['cart', 11, ['A']])
    page.answerSocket({ results: [{ stamp: 11, level: 'memory' }] })
    expect(page.sent()).toEqual([['cart', 11, 'page-2', ['A', 'b']]])
  })

  it('survive the refusal of an earlier update', () => {
    const page = shopping()
    page.update('cart', add('a'), 'a')
    page.update('cart', add('b'), 'b')
    page.effects()
    page.refuse('invalid_value')
    expect([page.settled, page.sent()]).toEqual([['a invalid_value'], [['cart', 10, 'page-2', ['b']]]])
  })

  it('are split after a refusal, until only invalid updates fail', () => {
    const page = shopping()
    page.on('disconnect')
    for (const item of ['a', 'b', 'c', 'd']) page.update('cart', add(item), item)
    comeBack(page, ['cart', 10, []])
    // This server takes at most two items.
    const sizes = Array.from({ length: 6 }, (_, i) => {
      const value = page.sent()[0]?.[3] as string[] | undefined
      if (value && value.length < 3) page.accept(11 + i)
      else if (value) page.refuse('invalid_value')
      return value?.join('')
    })
    page.answerPost()
    expect(sizes).toEqual(['abcd', 'ab', 'abcd', 'abc', 'abd', undefined])
    expect(page.settled).toEqual(['c invalid_value', 'd invalid_value', 'a saved', 'b saved'])
    expect([page.get('cart'), page.status('cart')]).toEqual([['a', 'b'], 'invalid_value'])
  })

  it('drop a refused update of their list, and rebase the rest', () => {
    const page = shopping()
    for (const item of ['bad', 'b']) page.update('cart', add(item), item)
    page.on('leave')
    page.on('return')
    comeBack(page)
    page.effects('send')
    page.refuse('invalid_value')
    expect([page.settled, page.sent()]).toEqual([['bad invalid_value'], [['cart', 10, 'page-2', ['b']]]])
  })

  it('wait for the answer to the resent first update', () => {
    const page = shopping()
    page.update('cart', add('a'), 'a')
    page.update('cart', add('b'), 'b')
    page.effects()
    comeBack(page, ['cart', 11, ['a', 'x']])
    expect(page.sent()).toEqual([['cart', 10, 'page-1', ['a']]])
    page.answerSocket({ results: [{ stamp: 11, level: 'memory' }] })
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'x', 'b'], [['cart', 11, 'page-2', ['a', 'x', 'b']]]])
  })
})

describe('updates beside sets', () => {
  it('go out after an unsent set', () => {
    const page = shopping('a')
    page.on('disconnect')
    page.set('cart', [])
    page.update('cart', add('b'))
    comeBack(page, ['cart', 12, ['x']])
    expect([page.get('cart'), page.sent()]).toEqual([['b'], [['cart', 12, '', []]]])
    page.accept(13)
    expect(page.sent()).toEqual([['cart', 13, 'page-2', ['b']]])
  })

  it('are replaced by a later set if unsent', () => {
    const page = shopping('a')
    page.on('disconnect')
    page.update('cart', add('b'), 'b')
    page.set('cart', [])
    comeBack(page, ['cart', 12, ['x']])
    expect([page.get('cart'), page.sent()]).toEqual([[], [['cart', 12, '', []]]])
    page.accept(13)
    page.answerPost()
    expect(page.settled).toEqual(['b saved', ' saved'])
  })

  it('rebase below a later set, which stays shown', () => {
    const page = shopping('a')
    page.update('cart', add('b'), 'b')
    page.set('cart', [])
    page.effects()
    page.overtake(12, ['x'])
    expect([page.get('cart'), page.sent()]).toEqual([[], [['cart', 12, 'page-1', ['x', 'b']]]])
    page.accept(13)
    expect([page.get('cart'), page.sent()]).toEqual([[], [['cart', 13, '', []]]])
  })

  it('survive the refusal of a later set', () => {
    const page = shopping('a')
    page.on('disconnect')
    page.update('cart', add('b'), 'b')
    page.set('cart', ['bad'])
    comeBack(page, ['cart', 12, ['x']])
    page.refuse('too_large')
    expect(page.sent()).toEqual([
      ['cart', 12, '', ['bad']],
      ['cart', 12, 'page-1', ['x', 'b']],
    ])
    page.accept(13)
    page.answerPost()
    expect(page.settled).toEqual(['bad too_large', 'b saved'])
    expect([page.get('cart'), page.status('cart')]).toEqual([['x', 'b'], 'too_large'])
  })

  it('start from the default after a deletion', () => {
    const page = shopping('a')
    page.set('cart')
    page.update('cart', add('b'))
    page.accept(11)
    expect([page.get('cart'), page.sent().at(-1)]).toEqual([['b'], ['cart', 11, 'page-2', ['b']]])
  })
})

describe('an update without a socket', () => {
  const alone = (): BarePage => new BarePage({ ...GUEST, values: { cart: ['a'] }, stamps: { cart: 10 } }, false)

  it('is POSTed with the other changes', () => {
    const page = alone()
    page.update('cart', add('b'))
    page.set('division', 3)
    expect(page.answerPost({ stamp: 11 })?.set).toEqual([
      ['division', 0, '', 3],
      ['cart', 10, 'page-1', ['a', 'b']],
    ])
    expect(page.settled).toEqual(['3 saved', 'update saved'])
  })

  it('is rebased and POSTed after a rejected set', () => {
    const page = alone()
    page.set('cart', ['s'])
    page.post()
    page.update('cart', add('b'))
    page.on('posted', {
      wait: 0,
      answer: { hasCookie: true, persisted: [], results: [{ code: 'too_large' }] },
    })
    expect(page.outbox()?.pending).toEqual([['cart', 10, 'page-2', ['a', 'b']]])
    expect(page.answerPost({ stamp: 11 })?.set).toEqual([['cart', 10, 'page-2', ['a', 'b']]])
    expect([page.settled, page.post()]).toEqual([['s too_large', 'update saved'], undefined])
  })
})

/** The stamp of a write whose ids the server knows. */
const NOW = 1_000_000

/** A page with an acknowledged, unsaved update. */
function taken(): BarePage {
  const page = BarePage.greeted()
  page.update('cart', add('mine'), 'mine')
  page.accept(NOW)
  page.effects()
  return page
}

describe('an acknowledged update', () => {
  it('is saved by a newer ticket with its id', () => {
    const page = taken()
    const ids = { cart: [['page-1', NOW] as const, ['x', NOW + 5] as const] }
    page.receive({ changes: [['cart', NOW + 5, ['mine', 'theirs']]], ids })
    expect([page.get('cart'), page.sent()]).toEqual([['mine', 'theirs'], []])
    page.answerPost()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('is applied only once if another page sends the same update', () => {
    const page = BarePage.greeted()
    page.update('cart', add('first'), 'first')
    page.disconnect()
    page.update('cart', add('mine'), 'mine')
    const other = BarePage.greeted()
    other.on('restored', [serializeOutbox(page.page)])
    page.update('cart', add('later'), 'later')
    expect(other.sent()).toEqual([
      ['cart', 0, 'page-1', ['first']],
      ['cart', 0, 'page-2', ['first', 'mine']],
    ])
    const ids = { cart: [['page-2', NOW + 1] as const] }
    const changes = [['cart', NOW + 1, ['first', 'mine']] as const]
    page.effects()
    page.on('connect')
    page.greet({ ...THE_GUEST, changes, ids })
    page.answerSocket({ ticket: bareTicket({ changes, ids }), results: [{ stamp: NOW + 1, level: 'memory' }] })
    expect(page.get('cart')).toEqual(['first', 'mine', 'later'])
    expect(page.sent().at(-1)).toEqual(['cart', NOW + 1, 'page-3', ['first', 'mine', 'later']])
    page.accept(NOW + 2)
    page.answerPost()
    expect([page.settled, page.get('cart')]).toEqual([
      ['first saved', 'mine saved', 'later saved'],
      ['first', 'mine', 'later'],
    ])
  })

  it('is resent over a newer value without its id', () => {
    const page = taken()
    page.receive({ changes: [['cart', NOW + 5, ['theirs']]], ids: { cart: [['x', NOW + 5]] } })
    expect(page.get('cart')).toEqual(['theirs', 'mine'])
    expect(page.sent()).toEqual([['cart', NOW + 5, 'page-1', ['theirs', 'mine']]])
    page.accept(NOW + 6)
    page.answerPost()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('is not resent over a newer value with its page’s later id', () => {
    const page = taken()
    page.update('cart', add('later'), 'later')
    page.effects()
    // The server’s process had lost the earlier update.
    const ticket = page.receive({
      changes: [['cart', NOW + 1, ['mine', 'later']]],
      ids: { cart: [['page-2', NOW + 1]] },
    })
    page.answerSocket({ ticket, results: [{ stamp: NOW + 1, level: 'memory' }] })
    const cart = ['mine', 'later', 'theirs']
    page.receive({
      changes: [['cart', NOW + 5, cart]],
      ids: { cart: [['page-2', NOW + 1] as const, ['x', NOW + 5] as const] },
    })
    expect([page.get('cart'), page.sent()]).toEqual([cart, []])
  })

  it('is not resent over a set', () => {
    const page = taken()
    page.receiveChanges(['cart', NOW + 5, []])
    expect([page.get('cart'), page.sent()]).toEqual([[], []])
    page.answerPost()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('is not resent if the server may have forgotten its id', () => {
    const page = taken()
    page.receive({
      changes: [['cart', NOW + 5, ['theirs']]],
      ids: {
        cart: [
          ['', NOW],
          ['x', NOW + 5],
        ],
      },
    })
    expect([page.get('cart'), page.sent()]).toEqual([['theirs'], []])
  })

  it('is not resent after it is saved', () => {
    const page = taken()
    page.answerPost()
    page.receive({ changes: [['cart', NOW + 5, ['theirs']]], ids: { cart: [['x', NOW + 5]] } })
    expect([page.get('cart'), page.sent()]).toEqual([['theirs'], []])
  })

  it('appears only once if its id arrives after a resend', () => {
    const page = taken()
    page.receive({ changes: [['cart', NOW + 5, ['theirs']]], ids: { cart: [['x', NOW + 5]] } })
    // A greeting, or another node, knows of both updates.
    const ids = { cart: [['page-1', NOW] as const, ['x', NOW + 5] as const] }
    page.receive({ changes: [['cart', NOW + 7, ['mine', 'theirs']]], ids })
    page.answerSocket({
      results: [{ stamp: NOW, level: 'memory' }],
    })
    expect([page.get('cart'), page.sent().slice(1)]).toEqual([['mine', 'theirs'], []])
  })
})

describe('an update with a lost answer', () => {
  /** The server took the update, then another page’s update. */
  const known = { ...THE_GUEST, changes: [['cart', NOW + 5, ['mine', 'theirs']] as const] }

  it('is acknowledged with its original stamp', () => {
    const page = BarePage.greeted()
    page.update('cart', add('mine'), 'mine')
    page.comeBack({ ...known, ids: { cart: [['page-1', NOW] as const, ['x', NOW + 5] as const] } })
    page.answerSocket({ results: [{ stamp: NOW, level: 'memory' }] })
    expect(page.get('cart')).toEqual(['mine', 'theirs'])
    page.answerPost()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('rebases later updates onto the newest value', () => {
    const page = BarePage.greeted()
    page.update('cart', add('mine'), 'mine')
    page.update('cart', add('later'), 'later')
    page.comeBack(known)
    page.effects()
    page.answerSocket({ results: [{ stamp: NOW, level: 'memory' }] })
    expect(page.sent()).toEqual([['cart', NOW + 5, 'page-2', ['mine', 'theirs', 'later']]])
  })
})
