import { describe, expect, it } from '@jest/globals'
import {
  ANN,
  BarePage,
  type BareSnapshot,
  GUEST,
  NAMELESS,
  NEW_GUEST,
  THE_GUEST,
  type Visitor,
} from '../support/page/bare-page.js'

/** Answers the page’s questions and greets its connections, always without a cookie. */
function inVain(page: BarePage, visitor: Visitor): void {
  for (let count = 0; count < 4; count += 1) {
    page.answerQuestion(visitor)
    page.fireTimer('link')
    if (page.did('reconnect')) page.comeBack(NAMELESS)
  }
}

/** A page with a change in a browser without a cookie. */
function first(initial: BareSnapshot | null = null): BarePage {
  const page = new BarePage(initial)
  page.on('begin')
  page.on('connect')
  page.greet(NAMELESS)
  page.set('theme', 'dark')
  page.accept(5)
  return page
}

/** A page with a change in a browser that rejects cookies. */
function blocked(): BarePage {
  const page = first()
  inVain(page, { who: 'g', guest: true })
  page.accept(6)
  page.effects()
  return page
}

/** A page of a guest without consent: no answer sets a cookie. */
function denied(): BarePage {
  const { who: _, ...nameless } = NEW_GUEST
  const page = first(nameless)
  page.answerQuestion(NAMELESS)
  page.effects()
  return page
}

it('a sign-in during a page’s first question causes no cookies_blocked', () => {
  const page = first()
  page.answerQuestion({ who: 'g', guest: true })
  // The guest’s cookie arrived, but by now the browser belongs to another visitor.
  page.on('refused', 'other_visitor')
  page.answerQuestion({ who: 'ann' })
  expect(page.status('theme')).toBe('saving')
})

describe.each([
  ['rejects cookies', blocked],
  ['has no consent', denied],
])('a page whose browser %s', (_, open) => {
  it('shows a change, sends it, and reports cookies_blocked', () => {
    const page = open()
    page.set('division', 3)
    expect([page.sent(), page.get('division'), page.status('division')]).toEqual([
      [['division', 0, '', 3]],
      3,
      'cookies_blocked',
    ])
    page.accept(10)
    expect([page.get('division'), page.status('division'), page.settled.at(-1)]).toEqual([
      3,
      'cookies_blocked',
      '3 cookies_blocked',
    ])
  })

  it('POSTs nothing more and persists nothing', () => {
    const page = open()
    page.set('division', 3)
    page.accept(10)
    expect([page.post(), page.did('reconnect'), page.outbox()]).toEqual([undefined, false, undefined])
    page.on('wake')
    page.on('use')
    expect(page.post()).toBeUndefined()
  })

  it('resends changes on each connection, and reports no new visitor', () => {
    const page = open()
    page.set('division', 3)
    page.accept(10)
    for (let times = 0; times < 3; times += 1) {
      page.effects()
      page.comeBack(NAMELESS)
      expect([page.get('division'), page.get('theme'), page.did('visitor')]).toEqual([3, 'dark', false])
      expect(page.sent()).toEqual(expect.arrayContaining([['division', 0, '', 3]]))
      page.accept(20 + times)
      expect(page.post()).toBeUndefined()
    }
  })

  it('rejects offline changes immediately, and sends them with the next connection', () => {
    const page = open()
    page.disconnect()
    page.set('division', 4)
    expect([page.get('division'), page.status('division'), page.settled.at(-1)]).toEqual([
      4,
      'cookies_blocked',
      '4 cookies_blocked',
    ])
    page.on('connect')
    page.greet(NAMELESS)
    expect(page.sent()).toEqual(expect.arrayContaining([['division', 0, '', 4]]))
  })

  it('saves its changes after a flush finds a cookie', () => {
    const page = open()
    page.set('division', 3)
    page.accept(10)
    page.on('flush')
    expect(page.answerQuestion({ who: 'h', guest: true, hasCookie: true })).toEqual({})
    expect(page.did('reconnect')).toBe(true)
    page.comeBack({ ...THE_GUEST, who: 'h' })
    expect(page.sent()).toEqual(expect.arrayContaining([['division', 0, '', 3]]))
    page.accept(12)
    page.answerPost()
    expect([page.get('division'), page.status('division'), page.did('visitor')]).toEqual([3, 'saved', false])
  })

  it('stops asking for a cookie if a flush finds none', () => {
    const page = open()
    page.on('flush')
    let asked = 0
    for (; page.answerQuestion({ who: 'i', guest: true }); asked += 1) {
      expect(asked).toBeLessThan(3)
      if (page.did('reconnect')) page.comeBack(NAMELESS)
    }
    expect([asked > 0, page.status('theme')]).toEqual([true, 'cookies_blocked'])
  })

  it('saves its changes after a message of another tab', () => {
    const page = open()
    page.on('shared', { who: 'g', tickets: [], persisted: [] })
    page.fireTimer('link')
    expect(page.did('reconnect')).toBe(true)
    page.comeBack()
    expect(page.get('theme')).toBe('dark')
    page.accept(30)
    page.answerPost()
    expect(page.status('theme')).toBe('saved')
  })

  it('asks again after a refused connection, then connects without a cookie', () => {
    const page = open()
    page.fireTimer('renew')
    page.disconnect()
    page.on('refused', 'other_visitor')
    for (let asked = 0; asked < 2; asked += 1) {
      expect(page.answerQuestion(NAMELESS)).toEqual({})
      expect(page.did('reconnect')).toBe(true)
      if (asked === 0) page.on('refused', 'other_visitor')
    }
    page.comeBack(NAMELESS)
    page.set('division', 3)
    expect([page.sent(), page.status('division'), page.post()]).toEqual([
      expect.arrayContaining([['division', 0, '', 3]]),
      'cookies_blocked',
      undefined,
    ])
  })

  it('marks a handler’s write as cookies_blocked, without resending it', () => {
    const page = open()
    page.receiveChanges(['role', 10, 'admin'])
    expect([page.get('role'), page.status('role')]).toEqual(['admin', 'cookies_blocked'])
    page.effects()
    page.comeBack(NAMELESS)
    expect(page.sent().map(([key]) => key)).not.toContain('role')
  })

  it('does not resend an overtaken change', () => {
    const page = open()
    page.set('division', 3)
    for (const stamp of [9, 10]) page.accept(stamp)
    page.receiveChanges(['division', 11, 4])
    page.effects()
    page.comeBack(NAMELESS)
    expect(page.sent().filter(([key]) => key === 'division')).toEqual([])
  })

  it('keeps a bounded number of pending changes', () => {
    const page = open()
    const sizes = [50, 100].map((count) => {
      for (let i = 0; i < count; i += 1) {
        page.update('division', (value) => Number(value) + 1)
        page.accept(100 + count + i)
      }
      return page.page.keys.get('division')?.changes.length ?? 0
    })
    expect(sizes[1]).toBe(sizes[0])
    expect(page.get('division')).toBe(149)
  })
})

describe('a first visit', () => {
  it('without a socket asks once, then POSTs its change', () => {
    const page = new BarePage(NEW_GUEST, false)
    page.on('begin')
    expect(page.post()).toBeUndefined()
    page.set('division', 3)
    expect(page.answerQuestion(THE_GUEST)).toEqual({})
    expect(page.answerPost({ stamp: 10 })).toEqual({ who: 'g', set: [['division', 0, '', 3]] })
    expect([page.settled, page.post()]).toEqual([['3 saved'], undefined])
  })

  it('still reports saving after two lost cookies', () => {
    const page = new BarePage(null)
    page.on('begin')
    page.on('connect')
    page.greet(NAMELESS)
    for (const who of ['h', 'i']) {
      expect(page.answerQuestion({ who, guest: true })).toEqual({})
      page.comeBack({ ...THE_GUEST, who })
      page.comeBack(NAMELESS)
    }
    page.set('division', 3)
    expect(page.status('division')).toBe('saving')
  })

  it('still reports saving after messages of other tabs', () => {
    const page = new BarePage(NEW_GUEST, false)
    page.set('division', 3)
    page.post()
    for (const _ of ['second', 'third', 'fourth tab']) page.on('shared', { who: 'g', tickets: [], persisted: [] })
    expect([page.status('division'), page.settled]).toEqual(['saving', []])
  })
})

describe('a page without a socket or cookies', () => {
  it.each<[string, ConstructorParameters<typeof BarePage>[0], Visitor]>([
    ['a new guest', NEW_GUEST, { who: 'h', guest: true }],
    ['a visitor without consent', { guest: true, values: {}, defaults: {}, stamps: {} }, NAMELESS],
    ['a static page', null, { who: 'g', guest: true }],
    ['plain initial values', { division: 1 }, { who: 'g', guest: true }],
    ['a user', { ...NEW_GUEST, who: 'ann' }, { who: 'ann' }],
  ])('reports cookies_blocked after at most three questions: %s', (_, initial, visitor) => {
    const page = new BarePage(initial, false)
    page.on('begin')
    page.set('division', 3)
    let asked = 0
    while (asked < 9 && page.answerQuestion(visitor)) asked += 1
    expect([asked <= 3, page.get('division'), page.status('division')]).toEqual([true, 3, 'cookies_blocked'])
    page.set('cart', ['a'])
    expect([page.get('cart'), page.settled, page.post()]).toEqual([
      ['a'],
      ['3 cookies_blocked', 'a cookies_blocked'],
      undefined,
    ])
  })

  it('does not count unanswered questions', () => {
    const page = new BarePage(null, false)
    page.on('begin')
    page.set('division', 3)
    for (let failed = 0; failed < 5; failed += 1) expect(page.failPost()).toEqual({})
    expect([page.status('division'), page.settled]).toEqual(['offline', []])
  })

  it('reports cookies_blocked if questions after an ignored POST bring no cookie', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.answerPost({ otherVisitor: true })
    inVain(page, NAMELESS)
    expect([page.get('division'), page.status('division'), page.did('visitor')]).toEqual([3, 'cookies_blocked', false])
  })
})

describe('a page whose socket lacks the cookie that its POSTs have', () => {
  /** Answers all that the page does, until it does nothing more. Returns the number of reconnections. */
  function settle(page: BarePage, bare: Visitor = NAMELESS, visitor: Visitor = THE_GUEST): number {
    for (let connections = 0; connections < 9; connections += 1) {
      if (page.page.mustAsk) expect(page.answerQuestion(visitor)).toEqual({})
      if (!page.did('reconnect')) return connections
      page.comeBack(bare)
    }
    throw new Error('the page reconnects without end')
  }

  function open(initial: BareSnapshot | null = NEW_GUEST, bare: Visitor = NAMELESS, visitor?: Visitor): BarePage {
    const page = new BarePage(initial)
    page.on('begin')
    page.on('connect')
    page.greet(bare)
    expect(settle(page, bare, visitor)).toBe(1)
    return page
  }

  const USER: BareSnapshot = { ...NEW_GUEST, who: 'ann' }

  it.each<[string, BareSnapshot, Visitor, Visitor]>([
    ['a new guest', NEW_GUEST, NAMELESS, THE_GUEST],
    ['a guest', GUEST, NAMELESS, THE_GUEST],
    ['a user', USER, NAMELESS, ANN],
    ['a user whom the handshake names', USER, { who: 'ann without a cookie' }, ANN],
  ])('reconnects once, then POSTs: %s', (_, initial, bare, visitor) => {
    const page = open(initial, bare, visitor)
    page.set('division', 3)
    expect(page.answerPost({ stamp: 10 })).toEqual({ who: visitor.who, set: [['division', 0, '', 3]] })
    expect([page.settled, page.status('division'), page.sent(), page.did('reconnect'), page.did('visitor')]).toEqual([
      ['3 saved'],
      'saved',
      [],
      false,
      false,
    ])
  })

  it('POSTs from static HTML too, after a question that sets the cookie', () => {
    const page = new BarePage(null)
    page.on('begin')
    page.on('connect')
    page.greet(NAMELESS)
    page.set('division', 3)
    page.answerQuestion({ who: 'g', guest: true })
    page.comeBack(NAMELESS)
    page.effects('reconnect')
    expect(settle(page)).toBe(1)
    expect(page.answerPost({ stamp: 10 })?.set).toEqual([['division', 0, '', 3]])
    expect(page.settled).toEqual(['3 saved'])
  })

  it('asks once at each later connection, and never reports cookies_blocked', () => {
    const page = open()
    for (let times = 0; times < 9; times += 1) {
      page.comeBack(NAMELESS)
      expect(settle(page)).toBe(0)
    }
    page.set('division', 3)
    page.answerPost({ stamp: 10 })
    expect(page.status('division')).toBe('saved')
  })

  it('uses the socket again when a handshake has the cookie', () => {
    const page = open()
    page.comeBack()
    page.set('division', 3)
    expect(page.sent()).toEqual([['division', 0, '', 3]])
    page.comeBack(NAMELESS)
    expect(settle(page)).toBe(1)
  })

  it('shows its values again after Back, when its POST has named the visitor', () => {
    const page = open(GUEST)
    page.set('division', 3)
    page.answerPost({ stamp: 10 })
    page.on('leave')
    page.on('return')
    expect([page.page.isReady, page.did('reconnect')]).toEqual([false, true])
    page.comeBack(NAMELESS)
    expect([settle(page), page.page.isReady, page.get('division'), page.did('visitor')]).toEqual([0, true, 3, false])
  })

  it('ignores what the socket tells of its own visitor', () => {
    const page = open()
    page.receiveChanges(['division', 9, 4])
    expect(page.get('division')).toBe(-1)
  })

  it('shows another visitor whom a POST names', () => {
    const page = open(GUEST)
    page.set('division', 3)
    page.answerPost({ otherVisitor: true })
    page.answerQuestion({ ...ANN, changes: [['division', 9, 4]] })
    expect([page.get('division'), page.did('visitor'), page.did('reconnect')]).toEqual([4, true, true])
    page.comeBack(NAMELESS)
    expect(settle(page, NAMELESS, ANN)).toBe(0)
  })

  it('reports cookies_blocked when its POSTs have no cookie either', () => {
    const page = open()
    page.set('division', 3)
    page.answerPost({ otherVisitor: true })
    inVain(page, { who: 'h', guest: true })
    page.set('division', 4)
    expect([page.settled, page.status('division'), page.post()]).toEqual([
      ['3 cookies_blocked', '4 cookies_blocked'],
      'cookies_blocked',
      undefined,
    ])
  })
})

describe('a visitor who withdraws consent', () => {
  it('becomes another guest', () => {
    const page = BarePage.greeted()
    page.disconnect()
    page.set('division', 3)
    page.on('connect')
    page.greet(NAMELESS)
    page.answerQuestion(NAMELESS)
    page.comeBack(NAMELESS)
    expect([page.did('visitor'), page.get('division'), page.settled]).toEqual([true, -1, ['3 cookies_blocked']])
  })

  it('if signed in, sends changes over the connection', () => {
    const page = new BarePage({ ...NEW_GUEST, who: 'ann' })
    page.on('connect')
    page.greet({ who: 'ann' })
    inVain(page, { who: 'ann' })
    page.comeBack({ who: 'ann' })
    page.set('division', 3)
    expect([page.sent(), page.status('division')]).toEqual([[['division', 0, '', 3]], 'cookies_blocked'])
    page.comeBack(ANN)
    expect(page.get('division')).toBe(3)
  })
})
