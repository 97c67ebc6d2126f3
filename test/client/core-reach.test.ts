import { describe, expect, it } from '@jest/globals'
import { MAX_QUESTIONS } from '../../client/core/limits.js'
import { ANN, BarePage, GUEST, greetingOf, NAMELESS, NEW_GUEST, THE_GUEST } from '../support/page/bare-page.js'

describe('a refused handshake', () => {
  it('with other_visitor makes the page ask and reconnect', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.post()
    page.on('refused', 'other_visitor')
    expect([page.did('abort'), page.answerQuestion(ANN), page.did('reconnect')]).toEqual([true, {}, true])
  })

  it('with other_visitor each time leaves changes to POSTs', () => {
    const page = new BarePage()
    const waits: unknown[] = []
    for (let stamp = 10; stamp < 13; stamp += 1) {
      page.set('division', stamp)
      for (let asked = 0; asked < MAX_QUESTIONS; asked += 1) {
        page.on('refused', 'other_visitor')
        expect(page.answerQuestion(THE_GUEST)).toEqual({})
      }
      page.on('refused', 'other_visitor')
      expect(page.answerPost({ stamp })?.set).toEqual([['division', expect.any(Number), '', stamp]])
      expect(page.status('division')).toBe('saved')
      waits.push(page.effects('timer').filter(([, name]) => name === 'link').length)
      page.fireTimer('link')
      expect(page.did('reconnect')).toBe(true)
    }
    expect(waits).toEqual([1, 1, 1])
  })

  it('with other_visitor each time is retried with backoff', () => {
    const page = new BarePage()
    const waits: unknown[] = []
    for (let refusals = 0; refusals < 9; refusals += 1) {
      page.on('refused', 'other_visitor')
      page.answerQuestion(THE_GUEST)
      waits.push(page.effects('timer').find(([, name]) => name === 'link')?.[2])
      page.fireTimer('link')
    }
    expect(waits.filter(Boolean)).toEqual([4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })

  it.each(['rate_limited', undefined])('with the code %s is retried with backoff', (code) => {
    const page = new BarePage()
    const waits: unknown[] = []
    for (let count = 0; count < 8; count += 1) {
      page.on('refused', code)
      waits.push(page.effects('timer').at(-1)?.[2])
      page.fireTimer('link')
      expect(page.did('reconnect')).toBe(true)
    }
    expect(waits).toEqual([1000, 1000, 1000, 2000, 4000, 8000, 15_000, 15_000])
  })

  it('is not retried after the socket connects', () => {
    const page = BarePage.greeted()
    page.on('refused', 'store_unavailable')
    page.on('connect')
    page.effects()
    page.on('timer', 'link')
    expect(page.did('reconnect')).toBe(false)
  })

  it.each([true, false])('lets the page POST, whether or not socket.io retries: %p', (isActive) => {
    const page = new BarePage()
    page.on('begin')
    page.on('refused', undefined, isActive)
    page.set('division', 3)
    expect(page.post()?.set).toEqual([['division', 0, '', 3]])
  })

  it('is not retried by the page if socket.io retries it', () => {
    const page = new BarePage()
    page.on('refused', undefined, true)
    page.on('timer', 'link')
    expect(page.did('reconnect')).toBe(false)
  })
})

it('a page POSTs again a ticket missing in cookie and process', () => {
  const page = BarePage.greeted()
  const ticket = page.receiveChanges(['division', 10, 3])
  page.answerPost({ persisted: [['division', 10]] })
  page.disconnect()
  page.on('connect')
  expect(page.greet()).toEqual({ who: 'g' })
  expect([page.get('division'), page.status('division')]).toEqual([3, 'saving'])
  page.fireTimer('postPause')
  expect([page.answerPost(), page.status('division')]).toEqual([{ who: 'g', tickets: [ticket] }, 'saved'])
})

it('a reconnect aborts the POST, which restarts after the next greeting', () => {
  const page = BarePage.greeted()
  page.receiveChanges(['division', 10, 1])
  page.post()
  page.on('reconnect')
  expect(page.effects('abort', 'release', 'reconnect')).toEqual([['abort'], ['release'], ['reconnect']])
  page.disconnect()
  expect(page.post()).toBeUndefined()
  page.on('connect')
  page.greet()
  expect(page.post()?.tickets).toHaveLength(1)
})

describe('a page without a socket', () => {
  it.each([
    ['after the cookie was seen', GUEST],
    ['on a first visit', NEW_GUEST],
    ['with plain initial values', { division: 1 }],
  ])('POSTs nothing when it opens: %s', (_, initial) => {
    const page = new BarePage(initial as typeof GUEST, false)
    page.on('begin')
    expect(page.post()).toBeUndefined()
  })

  it('POSTs a restored value that the cookie lacks', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.answerPost({ stamp: 10 })
    const tickets = page.outbox()?.tickets
    page.on('leave')
    page.on('return')
    expect(page.answerPost({ ...greetingOf(THE_GUEST), persisted: [['division', 5]] })).toEqual({})
    expect([page.status('division'), page.answerPost()]).toEqual(['saving', { who: 'g', tickets }])
    expect([page.status('division'), page.post()]).toEqual(['saved', undefined])
  })

  it('asks on return, but POSTs no value if the cookie is current', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.answerPost({ stamp: 10 })
    page.on('leave')
    page.on('return')
    expect(page.answerPost({ ...greetingOf(THE_GUEST), persisted: [['division', 10]] })).toEqual({})
    expect([page.status('division'), page.post()]).toEqual(['saved', undefined])
  })
})

describe('a page without a greeting', () => {
  it('POSTs after a timeout', () => {
    const page = new BarePage()
    page.on('connect')
    page.set('division', 3)
    expect(page.post()).toBeUndefined()
    page.fireTimer('greet')
    expect(page.post()?.set).toEqual([['division', 0, '', 3]])
  })

  it.each<[string, (page: BarePage) => void]>([
    ['nothing is attached to its namespace', (page) => page.on('connect')],
    ['its socket does not connect', () => undefined],
  ])('becomes ready by POST if %s', (_, happen) => {
    const page = new BarePage(null)
    page.on('begin')
    happen(page)
    expect(page.post()).toBeUndefined()
    page.fireTimer('greet')
    expect(page.answerQuestion({ ...THE_GUEST, changes: [['division', 5, 8]] })).toEqual({})
    expect([page.page.isReady, page.get('division')]).toEqual([true, 8])
  })

  it('POSTs nothing if its HTML has everything', () => {
    const page = new BarePage(NEW_GUEST)
    page.on('begin')
    page.on('refused', undefined, true)
    expect([page.post(), page.page.timers.has('greet')]).toEqual([undefined, false])
  })

  it('POSTs its ticket even after another tab reports another visitor', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    const ticket = page.accept(10)
    page.disconnect()
    page.on('shared', { who: 'h', tickets: [], persisted: [] })
    expect(page.post()).toEqual({ who: 'g', tickets: [ticket] })
  })
})

describe('a silent connection', () => {
  /** Returns the timeouts of the messages sent since the last call. */
  const timeouts = (page: BarePage): readonly unknown[] => page.effects('send').map(([, , ms]) => ms)

  it('is replaced, and its change resent', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    expect(page.sent()).toEqual([['division', 0, '', 3]])
    page.lose()
    expect([page.did('reconnect'), page.sent()]).toEqual([true, []])
    page.comeBack()
    expect([page.sent(), page.did('reconnect')]).toEqual([[['division', 0, '', 3]], false])
  })

  it('is replaced if the greeting is missing', () => {
    const page = new BarePage()
    page.on('connect')
    page.lose()
    expect(page.did('reconnect')).toBe(true)
  })

  it('is not replaced after it has closed', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.disconnect()
    expect(page.did('reconnect')).toBe(false)
  })

  it('leaves the change to a POST if no connection follows', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.lose()
    expect(page.post()).toBeUndefined()
    page.fireTimer('greet')
    expect(page.failPost()?.set).toEqual([['division', 0, '', 3]])
    expect(page.status('division')).toBe('offline')
  })

  it('times out after 4 s, doubling until an answer', () => {
    const page = BarePage.greeted()
    const waits: unknown[] = []
    page.set('division', 3)
    for (let count = 0; count < 3; count += 1) {
      waits.push(timeouts(page).at(-1))
      page.lose()
      page.comeBack()
    }
    page.accept(10)
    page.set('division', 4)
    waits.push(timeouts(page).at(-1))
    expect(waits).toEqual([4000, 8000, 16_000, 4000])
  })

  it('shortens POST timeouts until an answer', () => {
    const page = BarePage.greeted()
    const timeouts = (): unknown => page.effects('post').at(-1)?.[2]
    page.set('division', 3)
    page.lose()
    page.comeBack()
    page.accept(10)
    const waits: unknown[] = []
    for (let count = 0; count < 3; count += 1) {
      page.failPost()
      waits.push(timeouts())
    }
    page.answerPost()
    waits.push(timeouts())
    page.receiveChanges(['cart', 11, ['a']])
    page.post()
    expect([...waits, timeouts()]).toEqual([2500, 3000, 4000, 6000, 10_000])
  })
})

describe('a refused greeting', () => {
  it.each<[string, (page: BarePage) => void]>([
    ['rate_limited', (page) => page.refuseAll('rate_limited')],
    ['malformed', (page) => page.refuseAll('malformed')],
  ])('is retried after a pause: %s', (_, happen) => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 10, 1])
    page.disconnect()
    page.on('connect')
    page.effects()
    happen(page)
    expect(page.messages()).toEqual([])
    page.fireTimer('sendPause')
    expect(page.messages()).toHaveLength(1)
    page.greet()
    page.receiveChanges(['cart', 11, ['a']])
    expect(page.get('cart')).toEqual(['a'])
  })
})

it('a page with ignored POSTs and good connections reconnects with exponential backoff', () => {
  const page = BarePage.greeted()
  const waits: unknown[] = []
  for (let count = 0; count < 6; count += 1) {
    page.receiveChanges(['division', 10 + count, count])
    page.effects()
    page.answerPost({ ...greetingOf(THE_GUEST), otherVisitor: true })
    waits.push(page.effects('timer').find(([, name]) => name === 'link')?.[2])
    page.fireTimer('link')
    page.comeBack()
  }
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000])
})

describe('a first visit with failing questions', () => {
  /** A page whose connection works, and whose first POST gets the status 404. */
  function unanswered(): BarePage {
    const page = new BarePage(null)
    page.on('begin')
    page.on('connect')
    page.greet(NAMELESS)
    page.set('division', 3)
    page.failPost()
    return page
  }

  it('sends changes, but stays offline', () => {
    const page = unanswered()
    expect(page.sent()).toEqual([['division', 0, '', 3]])
    page.accept(10)
    expect([page.status('division'), page.settled]).toEqual(['offline', []])
  })

  it('resends the change after getting a cookie', () => {
    const page = unanswered()
    page.accept(10)
    page.effects()
    page.answerQuestion({ who: 'h', guest: true })
    page.comeBack({ ...THE_GUEST, who: 'h' })
    expect([page.sent(), page.settled, page.did('visitor')]).toEqual([[['division', 0, '', 3]], [], false])
  })
})

describe('a message of another tab', () => {
  it('of another visitor makes the page reconnect once', () => {
    const page = BarePage.greeted()
    for (const who of ['h', 'h', 'h']) page.on('shared', { who, tickets: [], persisted: [] })
    expect(page.did('reconnect')).toBe(false)
    page.fireTimer('link')
    page.fireTimer('link')
    expect(page.effects('reconnect')).toHaveLength(1)
    page.comeBack(ANN)
    expect(page.page.who).toBe('ann')
  })

  it('of another visitor makes a page without a socket ask', () => {
    const page = new BarePage(GUEST, false)
    page.on('shared', { who: 'h', tickets: [], persisted: [] })
    expect(page.answerQuestion(ANN)).toEqual({})
    expect(page.effects('visitor')).toEqual([['visitor', { kind: 'user' }]])
  })

  it('on a first visit makes the page ask, then restore its outbox', () => {
    const page = new BarePage(NEW_GUEST, false)
    page.on('shared', { who: 'g', tickets: [], persisted: [] })
    expect(page.answerQuestion(THE_GUEST)).toEqual({})
    expect(page.did('restore')).toBe(true)
  })

  it('of the same visitor marks values as saved', () => {
    const page = BarePage.greeted()
    const ticket = page.receiveChanges(['division', 10, 3])
    page.on('shared', { who: 'g', tickets: [ticket], persisted: [['cart', 4]] })
    expect([page.status('division'), page.post(), page.did('reconnect')]).toEqual(['saved', undefined, false])
  })
})

describe('a page at its unload', () => {
  it('aborts its question, and asks again on return', () => {
    const page = new BarePage(null, false)
    page.on('begin')
    page.post()
    page.on('leave')
    expect([page.did('abort'), page.effects('post'), page.post()]).toEqual([true, [['post', {}, 10_000]], undefined])
    page.on('return')
    expect(page.post()).toEqual({})
  })

  it('POSTs everything unsaved, even changes in flight', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['cart', 7, []])
    page.set('division', 3)
    page.set('cart', ['a'])
    page.set('cart', ['b'])
    page.effects()
    page.on('leave')
    const set = [
      ['division', 0, '', 3],
      ['cart', 7, '', ['a']],
      ['cart', 7, '', ['b']],
    ]
    expect(page.effects('post')).toEqual([
      ['post', { who: 'g', tickets: [expect.any(String)], set: expect.arrayContaining(set) }],
    ])
  })

  it('POSTs unsaved changes of a first visit', () => {
    const page = new BarePage(NEW_GUEST)
    page.set('division', 3)
    page.effects()
    page.on('leave')
    expect(page.effects('post')).toEqual([['post', { who: 'g', set: [['division', 0, '', 3]] }]])
  })

  it('POSTs nothing without unsaved changes or a known visitor', () => {
    const saved = BarePage.greeted()
    saved.set('division', 3)
    saved.accept(10)
    saved.answerPost()
    const strange = new BarePage(null)
    strange.set('division', 3)
    for (const page of [saved, strange]) {
      page.effects()
      page.on('leave')
      expect(page.effects('post')).toEqual([])
    }
  })

  it('POSTs once, even if frozen later', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.effects()
    for (let count = 0; count < 2; count += 1) page.on('leave')
    expect(page.effects('post')).toHaveLength(1)
  })
})
