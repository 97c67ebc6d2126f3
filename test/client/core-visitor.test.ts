import { describe, expect, it } from '@jest/globals'
import { ensureKey, shownOf } from '../../client/core/key-state.js'
import { serializeOutbox } from '../../client/core/outbox.js'
import { overallStatus } from '../../client/core/status.js'
import {
  ANN,
  type BareAnswer,
  BarePage,
  type BareSnapshot,
  GUEST,
  greetingOf,
  NAMELESS,
  NEW_GUEST,
  THE_GUEST,
  type Visitor,
} from '../support/page/bare-page.js'

const { guest: _, ...known } = GUEST
const OF_ANN: BareSnapshot = { ...known, who: 'ann' }
const HEIR: Visitor = { ...THE_GUEST, who: 'h' }

describe('a page on connecting', () => {
  it('sends changes only after the greeting', () => {
    const page = new BarePage()
    page.on('connect')
    page.set('division', 3)
    expect([page.sent(), page.post()]).toEqual([[], undefined])
    page.greet()
    expect(page.sent()).toEqual([['division', 0, '', 3]])
  })

  it('brings tickets the cookie lacks, before its changes', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['cart', 10, ['a']])
    const ticket = page.receiveChanges(['division', 11, 1])
    page.answerPost({ persisted: [['cart', 10]] })
    page.disconnect()
    page.set('cart', ['b'])
    page.comeBack({ ...THE_GUEST, changes: [['cart', 10, ['a']]] })
    expect(page.messages()).toEqual([
      { who: 'g', tickets: [ticket] },
      { who: 'g', set: [['cart', 10, '', ['b']]] },
    ])
  })

  it('sends earlier changes after its first greeting', () => {
    const page = new BarePage(null)
    page.set('division', 3)
    page.on('connect')
    expect([page.messages(), page.page.isReady]).toEqual([[{}], false])
    page.greet()
    expect([page.get('division'), page.sent()]).toEqual([3, [['division', 0, '', 3]]])
    expect([page.page.isReady, page.did('visitor')]).toEqual([true, false])
  })

  it('restores the outbox after a greeting confirms the cookie', () => {
    const page = new BarePage(NEW_GUEST)
    page.on('begin')
    page.on('connect')
    expect(page.did('restore')).toBe(false)
    page.greet()
    expect([page.did('restore'), page.effects('share')]).toEqual([true, [['share', { who: 'g', persisted: [] }]]])
  })
})

describe('a tab before and after a sign-in in another tab', () => {
  it('announces its visitor if the other tab is stale', () => {
    const page = BarePage.greeted()
    page.on('shared', { who: 'former', persisted: [] })
    page.fireTimer('link')
    expect(page.did('reconnect')).toBe(true)
    page.comeBack()
    expect(page.effects('share')).toEqual([['share', { who: 'g', persisted: [] }]])
  })

  it('ignores its former connection if this tab is stale', () => {
    const page = BarePage.greeted()
    page.set('division', 2)
    page.accept(5)
    page.answerPost({ otherVisitor: true })
    page.on('shared', { who: 'ann', persisted: [] })
    page.answerQuestion(ANN)
    page.receiveChanges(['division', 6, 3])
    expect([page.page.who, page.get('division')]).toEqual(['ann', -1])
    page.fireTimer('link')
    page.comeBack({ ...ANN, changes: [['division', 9, 4]] })
    expect(page.get('division')).toBe(4)
  })
})

describe('a guest’s page without a cookie yet', () => {
  const start = (): BarePage => {
    const page = new BarePage(NEW_GUEST)
    page.on('begin')
    page.set('division', 3)
    page.update('cart', (cart) => [...(cart as string[]), 'b'])
    return page
  }
  const carried: BareAnswer = greetingOf({ ...HEIR, changes: [['cart', 20, ['a']]] })

  it('carries its changes over to the cookie’s guest', () => {
    const page = start()
    page.on('connect')
    page.effects()
    page.answerSocket({ ...carried, otherVisitor: true })
    expect([page.page.who, page.get('division'), page.get('cart'), page.settled]).toEqual(['h', 3, ['a', 'b'], []])
    expect(page.did('visitor')).toBe(false)
    expect(page.sent().map(([key, , , value]) => [key, value])).toEqual([
      ['division', 3],
      ['cart', ['a', 'b']],
    ])
  })

  it('discards its changes if the cookie is a user’s', () => {
    const page = start()
    page.on('connect')
    page.effects()
    page.answerSocket({ ...greetingOf(ANN), otherVisitor: true })
    expect(page.settled).toEqual(['3 superseded', 'update superseded'])
    expect(page.effects('visitor')).toEqual([['visitor', { kind: 'user' }]])
  })
})

const { guest: _kind, who: _who, ...WITHHELD } = NEW_GUEST

describe('a page whose request withheld the cookie', () => {
  it.each([
    ['a guest', THE_GUEST],
    ['a user', ANN],
  ])('asks for its visitor and keeps its changes: %s', (_, visitor) => {
    const page = new BarePage({ ...WITHHELD, stamps: { cart: 9 }, values: { cart: ['x'] } }, false)
    page.on('begin')
    expect([page.page.isReady, page.get('division')]).toEqual([true, -1])
    page.set('division', 3)
    expect(page.answerQuestion({ ...visitor, changes: [['cart', 20, ['a']]] })).toEqual({})
    expect([page.get('division'), page.get('cart'), page.did('visitor')]).toEqual([3, ['a'], false])
    expect(page.post()).toMatchObject({ who: visitor.who, set: [['division', 0, '', 3]] })
  })
})

describe('threat 94: a page shown again', () => {
  const NOTE = { ...OF_ANN, values: { division: 7 }, stamps: { division: 5 } }
  const shown = (page: BarePage): unknown => shownOf(ensureKey(page.page, 'division'), !page.page.isReady)

  const returned = (hasSocket: boolean): BarePage => {
    const page = new BarePage(NOTE, hasSocket)
    page.on('begin')
    page.on('leave')
    expect(shown(page)).toBe(7)
    page.on('return')
    expect(shown(page)).toBe(-1)
    return page
  }

  it('without a socket shows defaults until the answer', () => {
    const page = returned(false)
    expect(page.answerQuestion(ANN)).toEqual({})
    expect([shown(page), page.did('visitor')]).toEqual([7, false])
  })

  it('reconnects, and shows defaults until the greeting', () => {
    const page = returned(true)
    expect(page.did('reconnect')).toBe(true)
    page.on('connect')
    page.greet(ANN)
    expect([shown(page), page.did('visitor')]).toEqual([7, false])
  })

  it('shows the next visitor’s values after an answer confirms the cookie', () => {
    const page = new BarePage(NOTE, false)
    page.on('begin')
    page.on('return')
    page.answerQuestion({ who: 'h', guest: true })
    expect(shown(page)).toBe(-1)
    page.answerQuestion({ ...HEIR, hasCookie: true, changes: [['division', 9, 3]] })
    expect([page.page.who, shown(page)]).toEqual(['h', 3])
  })

  it('keeps its changes for the same visitor', () => {
    const page = BarePage.greeted(ANN, OF_ANN)
    page.set('division', 3)
    page.on('leave')
    page.lose()
    page.on('return')
    expect([shown(page), page.settled]).toEqual([-1, []])
    page.answerQuestion(ANN)
    page.comeBack(ANN)
    expect(shown(page)).toBe(3)
    page.accept(10)
    page.answerPost()
    expect(page.settled).toEqual(['3 saved'])
  })

  it('shows a value set before its greeting, despite a failed POST', () => {
    const page = returned(true)
    page.set('division', 4)
    page.fireTimer('greet')
    expect(page.failPost()?.set).toEqual([['division', 5, '', 4]])
    expect(shown(page)).toBe(4)
  })

  it('hides an update made before the answer, then shows and sends it', () => {
    const page = new BarePage(NOTE, false)
    page.on('return')
    page.update('division', (division) => Number(division) + 1)
    expect(shown(page)).toBe(-1)
    page.answerQuestion(ANN)
    expect(shown(page)).toBe(8)
    expect(page.post()?.set).toMatchObject([['division', 5, expect.anything(), 8]])
  })

  it('ignores its former connection', () => {
    const page = BarePage.greeted(ANN, NOTE)
    page.set('cart', ['a'])
    page.effects()
    page.on('return')
    page.receiveChanges(['division', 9, 8])
    page.accept(10)
    expect([page.page.isReady, page.messages()]).toEqual([false, []])
  })

  it('aborts a question in flight, and asks again', () => {
    const page = new BarePage(NOTE, false)
    page.on('begin')
    page.on('return')
    expect(page.post()).toEqual({})
    page.effects()
    page.on('return')
    expect([page.did('abort'), page.page.postInFlight]).toEqual([true, undefined])
    expect(page.post()).toEqual({})
  })

  it('hides nothing if the browser has never sent a cookie', () => {
    const page = new BarePage(NEW_GUEST, false)
    page.on('return')
    expect(page.page.isReady).toBe(true)
  })
})

describe('threat 94: a page that knows the browser’s proved visitor', () => {
  const NOTE = { ...OF_ANN, values: { division: 7 }, stamps: { division: 5 } }
  const { persisted: _, ...UNPROVED } = NOTE
  const shown = (page: BarePage): unknown => shownOf(ensureKey(page.page, 'division'), !page.page.isReady)
  const begun = (initial: BareSnapshot | null = NOTE, hasSocket = false): BarePage => {
    const page = new BarePage(initial, hasSocket)
    page.on('begin')
    return page
  }

  it.each([
    ['its own', 'ann', 7],
    ['another', 'bob', -1],
    ['none', undefined, -1],
  ])('returns to %s', (_, who, value) => {
    const page = begun()
    page.on('leave')
    page.effects()
    page.on('return', who)
    expect([shown(page), page.post(), page.did('restore')]).toEqual([value, {}, who === 'ann'])
  })

  it('shows the changes of a page left offline', () => {
    const page = begun()
    page.on('leave')
    const later = begun()
    later.set('division', 8)
    page.on('return', 'ann')
    page.on('restored', [serializeOutbox(later.page)])
    page.failPost()
    expect([shown(page), page.status('division')]).toEqual([8, 'offline'])
  })

  it('hides nothing before its browser has shown a cookie', () => {
    const page = begun(NEW_GUEST)
    page.on('return', 'ann')
    expect([page.page.isReady, page.did('restore')]).toEqual([true, false])
  })

  it.each<[string, BareSnapshot | null, (page: BarePage) => void, unknown[]]>([
    ['the visitor of its HTML', NOTE, () => undefined, ['ann']],
    ['none from HTML with a new cookie', NEW_GUEST, () => undefined, [undefined]],
    ['none from a user’s HTML without consent', UNPROVED, () => undefined, [undefined]],
    ['none from a guest’s HTML without a visitor', { ...WITHHELD, guest: true }, () => undefined, [undefined]],
    ['nothing from static HTML', null, () => undefined, []],
    ['nothing if the request withheld the cookie', WITHHELD, () => undefined, []],
    ['another visitor, once proved', NOTE, (page) => page.answerQuestion({ ...ANN, who: 'bob' }), ['ann', 'bob']],
    ['none after consent is withdrawn', NOTE, (page) => page.answerQuestion(NAMELESS), ['ann', undefined]],
  ])('stores %s', (_, initial, act, stored) => {
    const page = begun(initial)
    if (initial === NOTE) page.on('return', 'x')
    act(page)
    expect(page.effects('who').map(([, who]) => who)).toEqual(stored)
  })

  it('stores a new guest once proved', () => {
    const page = begun(NEW_GUEST)
    page.set('division', 3)
    page.answerQuestion(THE_GUEST)
    expect(page.effects('who')).toEqual([
      ['who', undefined],
      ['who', 'g'],
    ])
  })

  it('stores nothing from prefetched or cached HTML before an answer', () => {
    const page = new BarePage(NOTE, false)
    page.on('return')
    page.on('begin')
    expect(page.effects('who')).toEqual([])
    page.answerQuestion(ANN)
    expect(page.effects('who')).toEqual([['who', 'ann']])
  })
})

describe('threat 94: an open page that looks at the browser’s stored visitor', () => {
  const NOTE = { ...OF_ANN, values: { division: 7 }, stamps: { division: 5 } }
  const shown = (page: BarePage): unknown => shownOf(ensureKey(page.page, 'division'), !page.page.isReady)
  const begun = (initial: BareSnapshot = NOTE): BarePage => {
    const page = new BarePage(initial, false)
    page.on('begin')
    page.effects()
    return page
  }
  const statuses = (page: BarePage): readonly string[] => [page.status('division'), overallStatus(page.page).status]

  it.each<[string, readonly (string | undefined)[]]>([
    ['another visitor', ['bob']],
    ['no visitor, after its own', ['ann', undefined]],
    ['a planted text', ['ann', 'x']],
  ])('hides its values at once, and asks: %s', (_, looks) => {
    const page = begun()
    for (const who of looks) page.on('look', who)
    expect([shown(page), statuses(page), page.post()]).toEqual([-1, ['unknown', 'unknown'], {}])
    page.answerQuestion(ANN)
    expect([shown(page), statuses(page), page.did('visitor')]).toEqual([7, ['saved', 'saved'], false])
  })

  it.each<[string, BareSnapshot, readonly (string | undefined)[]]>([
    ['its own visitor', NOTE, ['ann', 'ann']],
    ['no visitor, as storage is denied', NOTE, [undefined, undefined]],
    ['another visitor, before its cookie was seen', NEW_GUEST, ['bob']],
  ])('does nothing for %s', (_, initial, looks) => {
    const page = begun(initial)
    for (const who of looks) page.on('look', who)
    expect([page.page.isReady, page.post()]).toEqual([true, undefined])
  })

  it('reconnects, and hides its values until the greeting', () => {
    const page = BarePage.greeted(ANN, NOTE)
    page.on('look', 'bob')
    expect([shown(page), page.did('reconnect')]).toEqual([-1, true])
    page.comeBack({ ...ANN, who: 'bob', changes: [['division', 9, 3]] })
    expect([shown(page), page.did('visitor')]).toEqual([3, true])
  })

  it('hides a pending change of the former visitor, and keeps it for the same', () => {
    const page = begun()
    page.set('division', 8)
    expect(page.failPost()?.set).toHaveLength(1)
    page.on('look', 'bob')
    expect(shown(page)).toBe(-1)
    page.answerQuestion(ANN)
    expect(shown(page)).toBe(8)
    expect(page.answerPost({ stamp: 10 })?.set).toEqual([['division', 5, '', 8]])
    expect(page.settled).toEqual(['8 saved'])
  })

  it('sends a change again that was not sent before', () => {
    const page = begun()
    page.set('division', 8)
    page.on('look', 'bob')
    page.answerQuestion(ANN)
    expect(page.answerPost({ results: [{ code: 'superseded', stamp: 10, value: 9 }] })?.set).toEqual([
      ['division', 5, '', 8],
    ])
    page.fireTimer('postPause')
    expect(page.answerPost({ stamp: 11 })?.set).toEqual([['division', 10, '', 8]])
    expect(page.settled).toEqual(['8 saved'])
  })

  it('shows a change made while the visitor is unknown', () => {
    const page = begun()
    page.on('look', 'bob')
    page.set('division', 4)
    expect([shown(page), statuses(page)]).toEqual([4, ['saving', 'saving']])
  })

  it('doubts three times at most before `renew` ends', () => {
    const page = begun()
    const doubts = (): number => {
      let times = 0
      for (const who of ['a', 'b', 'c', 'd', 'e']) {
        page.on('look', who)
        page.on('look', who)
        if (!page.page.isReady) times += 1
        if (page.page.mustAsk) page.answerQuestion(ANN)
      }
      return times
    }
    expect([doubts(), page.page.cookie, shown(page)]).toEqual([3, 'accepted', 7])
    page.fireTimer('renew')
    expect(doubts()).toBe(3)
  })

  it('doubts nothing after it was left', () => {
    const page = begun()
    page.on('leave')
    page.on('look', 'bob')
    expect([page.page.isReady, page.page.isLeft]).toEqual([true, true])
  })
})

describe('a page during its unload', () => {
  const leaving = (): BarePage => {
    const page = BarePage.greeted()
    page.on('unload')
    page.comeBack(ANN)
    return page
  }

  it('reports another visitor ten seconds later, if still open', () => {
    const page = leaving()
    expect([page.page.who, page.effects('visitor')]).toEqual(['ann', []])
    page.fireTimer('unload')
    expect(page.effects('visitor')).toEqual([['visitor', { kind: 'user' }]])
    page.on('wake')
    expect(page.did('visitor')).toBe(false)
  })

  it('reports no visitor earlier because another page has stored one', () => {
    const page = BarePage.greeted()
    page.on('unload')
    page.on('look', 'ann')
    page.comeBack(ANN)
    expect([page.page.who, page.effects('visitor')]).toEqual(['ann', []])
  })

  it('reports another visitor immediately when shown again', () => {
    const page = leaving()
    page.on('return')
    expect(page.did('visitor')).toBe(true)
  })

  it('reports only the last visitor', () => {
    const page = leaving()
    page.comeBack({ ...HEIR, hasCookie: true })
    page.fireTimer('unload')
    expect(page.effects('visitor')).toEqual([['visitor', { kind: 'guest' }]])
  })
})

describe('a page with a new visitor', () => {
  it.each<[string, BareSnapshot, Visitor, string]>([
    ['a user, after the sign-in', GUEST, ANN, 'user'],
    ['a guest, after the sign-out', OF_ANN, HEIR, 'guest'],
    ['another user', OF_ANN, { ...ANN, who: 'bob' }, 'user'],
    ['the same user, after an end of all sessions', OF_ANN, { ...ANN, who: 'ann of epoch 1' }, 'user'],
    ['another guest, from two tabs of a first visit', NEW_GUEST, HEIR, 'guest'],
  ])('discards its changes and calls onVisitor: %s', (_, initial, visitor, kind) => {
    const page = BarePage.greeted({ who: String(initial.who), hasCookie: true }, initial)
    page.receiveChanges(['cart', 10, ['a']])
    page.disconnect()
    page.set('division', 3)
    page.update('cart', (cart) => [...(cart as string[]), 'b'])
    page.on('connect')
    page.effects()
    page.greet({ ...visitor, changes: [['division', 20, 7]] })
    expect(page.effects('visitor')).toEqual([['visitor', { kind }]])
    expect(page.settled).toEqual(['3 superseded', 'update superseded'])
    expect([page.get('division'), page.get('cart'), page.status('cart'), page.sent()]).toEqual([7, [], 'default', []])
    expect([page.page.who, page.outbox()?.who]).toEqual([visitor.who, visitor.who])
  })

  it('discards acknowledged changes and their tickets', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.accept(10)
    page.comeBack(ANN)
    page.effects()
    expect([page.settled, page.post()]).toEqual([['3 superseded'], undefined])
    page.comeBack(ANN)
    expect(page.messages()).toEqual([{ who: 'ann' }])
  })

  it('resets a rejected status', () => {
    const page = BarePage.greeted()
    page.set('cart', ['a'])
    page.refuse('invalid_value')
    page.comeBack({ ...ANN, changes: [['cart', 20, ['x']]] })
    page.answerPost({ persisted: [['cart', 20]] })
    expect(page.status('cart')).toBe('saved')
  })

  it('ignores the answer to the former visitor’s POST', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 10, 3])
    page.post()
    page.comeBack(ANN)
    expect(page.did('abort')).toBe(true)
    page.on('posted', { wait: 0, answer: { results: [], persisted: [['division', 10]], hasCookie: true } })
    expect([page.get('division'), page.status('division')]).toEqual([-1, 'default'])
  })

  it('learns of the visitor from a POST, then reconnects', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 10, 3])
    page.effects()
    page.answerPost({ ...greetingOf(ANN), otherVisitor: true })
    page.fireTimer('link')
    expect([page.page.who, page.get('division'), page.did('reconnect')]).toEqual(['ann', -1, true])
    expect(page.effects('visitor')).toEqual([['visitor', { kind: 'user' }]])
  })

  it('asks for its visitor after an ignored POST', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.answerPost({ otherVisitor: true })
    expect([page.answerQuestion(HEIR), page.settled]).toEqual([{}, ['3 superseded']])
    expect(page.page.who).toBe('h')
  })

  it('keeps its change if the visitor turns out the same', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.answerPost({ otherVisitor: true })
    expect(page.answerQuestion(THE_GUEST)).toEqual({})
    expect(page.settled).toEqual([])
    expect(page.answerPost({ stamp: 10 })?.set).toEqual([['division', 0, '', 3]])
    expect(page.settled).toEqual(['3 saved'])
  })

  it('ignores another visitor named in the answer to a change', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.answerSocket({ ...greetingOf(ANN), otherVisitor: true })
    expect([page.settled, page.page.who, page.get('division')]).toEqual([[], 'g', 3])
    page.comeBack(ANN)
    expect([page.settled, page.page.who, page.get('division')]).toEqual([['3 superseded'], 'ann', -1])
  })
})

describe('a page connected without its cookie', () => {
  it('ignores the connection’s values, asks, and reconnects', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 10, 1])
    page.post()
    page.disconnect()
    page.on('connect')
    page.effects()
    page.greet({ ...NAMELESS, changes: [['division', 20, 9]] })
    expect([page.get('division'), page.did('abort'), page.did('visitor')]).toEqual([1, true, false])
    expect(page.answerQuestion(THE_GUEST)).toEqual({})
    expect(page.did('reconnect')).toBe(true)
    page.comeBack()
    expect(page.post()?.tickets).toHaveLength(1)
  })

  it('sends changes, and resends them with the guest’s cookie', () => {
    const page = new BarePage(null)
    page.on('connect')
    page.greet(NAMELESS)
    page.set('division', 3)
    expect(page.messages().at(-1)).toEqual({ set: [['division', 0, '', 3]] })
    page.accept(10)
    page.answerQuestion({ who: 'g', guest: true })
    page.comeBack()
    expect([page.get('division'), page.settled, page.did('visitor')]).toEqual([3, [], false])
    expect(page.sent()).toEqual([['division', 0, '', 3]])
    page.accept(11)
    page.answerPost()
    expect(page.settled).toEqual(['3 saved'])
  })

  it('ignores the tickets of an earlier connection’s guest', () => {
    const page = new BarePage(null)
    for (const sub of ['first', 'second']) page.comeBack({ ...NAMELESS, sub })
    page.receive({ sub: 'second', changes: [['division', 20, 3]] })
    page.receive({ sub: 'first', changes: [['division', 30, 9]] })
    expect(page.get('division')).toBe(3)
  })

  it('discards a user’s change if the cookie is a guest’s', () => {
    const page = BarePage.greeted(ANN, OF_ANN)
    page.disconnect()
    page.set('division', 3)
    page.on('connect')
    page.greet(NAMELESS)
    expect([page.get('division'), page.settled]).toEqual([3, []])
    page.answerQuestion({ who: 'h', guest: true })
    page.comeBack(HEIR)
    expect([page.get('division'), page.settled, page.effects('visitor')]).toEqual([
      -1,
      ['3 superseded'],
      [['visitor', { kind: 'guest' }]],
    ])
  })
})
