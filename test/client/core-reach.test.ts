import { describe, expect, it } from '@jest/globals'
import { ANN, BarePage, GUEST, greetingOf, NAMELESS, NEW_GUEST, THE_GUEST } from '../support/page/bare-page.js'

it('a page that was refused, and is connected before its time, does not connect once more', () => {
  const page = BarePage.greeted()
  page.on('refused', 'store_unavailable')
  page.on('connect')
  page.effects()
  page.on('timer', 'link')
  expect(page.did('reconnect')).toBe(false)
})

describe('a page whose handshake was refused', () => {
  it('as another’s ends its POST, asks, and connects again', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.post()
    page.on('refused', 'other_subject')
    expect([page.did('release'), page.told(ANN), page.did('reconnect')]).toEqual([true, {}, true])
  })

  it('as one too many connects again later, and later each time', () => {
    const page = new BarePage()
    const waits: unknown[] = []
    for (let count = 0; count < 5; count += 1) {
      page.on('refused', 'rate_limited')
      waits.push(page.effects('timer').at(-1)?.[2])
      page.time('link')
      expect(page.did('reconnect')).toBe(true)
    }
    expect(waits).toEqual([1000, 1000, 1000, 2000, 4000])
  })

  it('for no reason of ours goes on over POSTs: socket.io comes back by itself', () => {
    const page = new BarePage()
    page.on('refused', undefined)
    page.set('division', 3)
    expect([page.post()?.set, page.did('reconnect')]).toEqual([[['division', 0, '', 3]], false])
  })
})

describe('a page whose value the cookie was seen to have', () => {
  function held(): { page: BarePage; ticket: string } {
    const page = BarePage.greeted()
    const ticket = page.learn(['division', 10, 3])
    page.answer({ held: [['division', 10]] })
    page.disconnect()
    page.on('connect')
    return { page, ticket }
  }

  it('POSTs it again where it is gone from there and from the process: an older answer came late, and the process has died', () => {
    const { page, ticket } = held()
    expect(page.greet()).toEqual({ who: 'g' })
    expect([page.get('division'), page.status('division')]).toEqual([3, 'saving'])
    page.time('post')
    expect([page.answer(), page.status('division')]).toEqual([{ who: 'g', tickets: [ticket] }, 'saved'])
  })

  it('POSTs nothing where the process has it', () => {
    const { page } = held()
    page.synced({ ...greetingOf({ ...THE_GUEST, changes: [['division', 10, 3]] }), held: [] })
    page.time('post')
    expect([page.status('division'), page.post()]).toEqual(['saved', undefined])
  })
})

describe('a page whose connection the server ends', () => {
  it('ends its POST, and POSTs nothing before it was told whose it is', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 1])
    page.post()
    page.on('reconnect')
    expect(page.effects('release', 'reconnect')).toEqual([['release'], ['reconnect']])
    page.disconnect()
    expect(page.post()).toBeUndefined()
    page.on('connect')
    page.greet()
    expect(page.post()?.tickets).toHaveLength(1)
  })

  it('without a word goes on over POSTs', () => {
    const page = BarePage.greeted()
    page.on('disconnect')
    page.set('division', 3)
    expect(page.post()).toEqual({ who: 'g', set: [['division', 0, '', 3]] })
  })
})

describe('a page without a socket', () => {
  it('asks at once where it knows nothing, and is ready with the answer', () => {
    const page = new BarePage(null, false)
    page.on('begin')
    expect(page.told({ ...THE_GUEST, changes: [['division', 5, 8]] })).toEqual({})
    expect([page.page.isReady, page.get('division')]).toEqual([true, 8])
  })

  it.each([
    ['of a browser that has shown its cookie', GUEST],
    ['of a first visit', NEW_GUEST],
    ['of plain values', { division: 1 }],
  ])('asks for nothing where its HTML says all: %s', (_, initial) => {
    const page = new BarePage(initial as typeof GUEST, false)
    page.on('begin')
    expect(page.post()).toBeUndefined()
  })

  it('asks where it comes back as it was left, and shows what it missed', () => {
    const page = new BarePage(GUEST, false)
    page.on('leave')
    page.on('return')
    expect(page.told({ ...THE_GUEST, changes: [['division', 5, 8]] })).toEqual({})
    expect(page.get('division')).toBe(8)
  })

  it('brings what it has saved where it comes back and the cookie lacks that: an older answer came late, and the process has died', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.answer({ stamp: 10 })
    const tickets = page.remains()?.tickets
    page.on('leave')
    page.on('return')
    expect(page.answer({ ...greetingOf(THE_GUEST), held: [['division', 5]] })).toEqual({})
    expect([page.status('division'), page.answer()]).toEqual(['saving', { who: 'g', tickets }])
    expect([page.status('division'), page.post()]).toEqual(['saved', undefined])
  })

  it('asks, and no more, where the cookie has what it has saved', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.answer({ stamp: 10 })
    page.on('leave')
    page.on('return')
    expect(page.answer({ ...greetingOf(THE_GUEST), held: [['division', 10]] })).toEqual({})
    expect([page.status('division'), page.post()]).toEqual(['saved', undefined])
  })

  it('keeps its cookie, however often it comes back within minutes', () => {
    const page = new BarePage(GUEST, false)
    for (let count = 0; count < 20; count += 1) {
      page.on('leave')
      page.on('return')
      expect(page.told(THE_GUEST)).toEqual({})
    }
    page.set('division', 3)
    expect([page.status('division'), page.post()]).toEqual(['saving', { who: 'g', set: [['division', 0, '', 3]] }])
  })
})

describe('a page whose connection does not come, or says nothing', () => {
  it('POSTs, after a while', () => {
    const page = new BarePage()
    page.on('connect')
    page.set('division', 3)
    expect(page.post()).toBeUndefined()
    page.time('greet')
    expect(page.post()?.set).toEqual([['division', 0, '', 3]])
  })

  it('asks by POST where it does not know whose it is', () => {
    const page = new BarePage({})
    page.on('connect')
    page.set('division', 3)
    page.time('greet')
    expect(page.post()).toEqual({})
  })

  it.each<[string, (page: BarePage) => void]>([
    ['nothing is attached to its namespace', (page) => page.on('connect')],
    ['it hears nothing for a while', () => undefined],
  ])('is ready with the answer to its question where %s', (_, happen) => {
    const page = new BarePage(null)
    page.on('begin')
    happen(page)
    expect(page.post()).toBeUndefined()
    page.time('greet')
    expect(page.told({ ...THE_GUEST, changes: [['division', 5, 8]] })).toEqual({})
    expect([page.page.isReady, page.get('division')]).toEqual([true, 8])
  })

  it('is ready with the answer to its question where its handshake is refused', () => {
    const page = new BarePage(null)
    page.on('begin')
    page.on('refused', undefined)
    expect(page.told(THE_GUEST)).toEqual({})
    expect(page.page.isReady).toBe(true)
  })

  it('waits for it where its HTML says all', () => {
    const page = new BarePage(NEW_GUEST)
    page.on('begin')
    page.on('refused', undefined)
    expect([page.post(), page.page.timers.has('greet')]).toEqual([undefined, false])
  })

  it('brings what it has, also where another tab has told of another visitor', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    const ticket = page.take(10)
    page.disconnect()
    page.on('news', { who: 'h', tickets: [], held: [] })
    expect(page.post()).toEqual({ who: 'g', tickets: [ticket] })
  })

  it('POSTs what is set however often its connection is refused', () => {
    const page = BarePage.greeted()
    page.disconnect()
    page.set('division', 3)
    for (let i = 0; i < 9; i += 1) {
      page.on('refused', 'store_unavailable')
      page.time('link')
    }
    page.on('refused', 'store_unavailable')
    expect(page.post()).toEqual({ who: 'g', set: [['division', 0, '', 3]] })
  })
})

describe('an open connection without an answer', () => {
  /** Returns the patience of the exchanges that were sent since the test last looked. */
  const patience = (page: BarePage): readonly unknown[] => page.effects('send').map(([, , ms]) => ms)

  it('is replaced, and the change is sent again over the next one', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    expect(page.sent()).toEqual([['division', 0, '', 3]])
    page.lose()
    expect([page.did('reconnect'), page.sent()]).toEqual([true, []])
    page.comeBack()
    expect([page.sent(), page.did('reconnect')]).toEqual([[['division', 0, '', 3]], false])
  })

  it('is replaced without a greeting', () => {
    const page = new BarePage()
    page.on('connect')
    page.lose()
    expect(page.did('reconnect')).toBe(true)
  })

  it('leaves the change to a POST, where no other connection comes', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.lose()
    expect(page.post()).toBeUndefined()
    page.time('greet')
    expect(page.fail()?.set).toEqual([['division', 0, '', 3]])
    expect(page.status('division')).toBe('offline')
  })

  it('has 4 s, and twice as long after each silence, until a change is answered', () => {
    const page = BarePage.greeted()
    const waits: unknown[] = []
    page.set('division', 3)
    for (let count = 0; count < 3; count += 1) {
      waits.push(patience(page).at(-1))
      page.lose()
      page.comeBack()
    }
    page.take(10)
    page.set('division', 4)
    waits.push(patience(page).at(-1))
    expect(waits).toEqual([4000, 8000, 16_000, 4000])
  })

  it('makes POSTs less patient until one is answered', () => {
    const page = BarePage.greeted()
    const patience = (): unknown => page.effects('post').at(-1)?.[2]
    page.set('division', 3)
    page.lose()
    page.comeBack()
    page.take(10)
    const waits: unknown[] = []
    for (let count = 0; count < 3; count += 1) {
      page.fail()
      waits.push(patience())
    }
    page.answer()
    waits.push(patience())
    page.learn(['cart', 11, ['a']])
    page.post()
    expect([...waits, patience()]).toEqual([2500, 3000, 4000, 6000, 10_000])
  })

  it('is not replaced as it was closed', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.disconnect()
    expect(page.did('reconnect')).toBe(false)
  })
})

describe('a connection that refuses the greeting', () => {
  it.each<[string, (page: BarePage) => void]>([
    ['not now', (page) => page.refuseAll('rate_limited')],
    ['it is malformed', (page) => page.refuseAll('malformed')],
  ])('is asked once more after a while: %s', (_, happen) => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 1])
    page.disconnect()
    page.on('connect')
    page.effects()
    happen(page)
    expect(page.said()).toEqual([])
    page.time('send')
    expect(page.said()).toHaveLength(1)
    page.greet()
    page.learn(['cart', 11, ['a']])
    expect(page.get('cart')).toEqual(['a'])
  })
})

describe('a page whose POSTs are dropped, and its connections are not', () => {
  it('connects again later each time', () => {
    const page = BarePage.greeted()
    const waits: unknown[] = []
    for (let count = 0; count < 6; count += 1) {
      page.learn(['division', 10 + count, count])
      page.effects()
      page.answer({ ...greetingOf(THE_GUEST), dropped: true })
      waits.push(page.effects('timer').find(([, name]) => name === 'link')?.[2])
      page.time('link')
      page.comeBack()
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000])
  })
})

describe('a page whose questions fail, on a first visit', () => {
  /** Its connection works, its endpoint does not. */
  function unanswered(): BarePage {
    const page = new BarePage(null)
    page.on('begin')
    page.on('connect')
    page.greet(NAMELESS)
    page.set('division', 3)
    page.fail({ status: 404 })
    return page
  }

  it('sends what is set over its connection, and does not call it saved', () => {
    const page = unanswered()
    expect(page.sent()).toEqual([['division', 0, '', 3]])
    page.take(10)
    expect([page.status('division'), page.settled]).toEqual(['offline', []])
  })

  it('brings it anew to the browser that an answer makes at last', () => {
    const page = unanswered()
    page.take(10)
    page.effects()
    page.told({ who: 'h', guest: true })
    page.comeBack({ ...THE_GUEST, who: 'h' })
    expect([page.sent(), page.settled, page.did('visitor')]).toEqual([[['division', 0, '', 3]], [], false])
  })
})

describe('the news of other tabs', () => {
  it('of another visitor has it come back once for all that tell', () => {
    const page = BarePage.greeted()
    for (const who of ['h', 'h', 'h']) page.on('news', { who, tickets: [], held: [] })
    expect(page.did('reconnect')).toBe(false)
    page.time('link')
    page.time('link')
    expect(page.effects('reconnect')).toHaveLength(1)
    page.comeBack(ANN)
    expect(page.page.who).toBe('ann')
  })

  it('of another visitor has it ask where it has no connection', () => {
    const page = new BarePage(GUEST, false)
    page.on('news', { who: 'h', tickets: [], held: [] })
    expect(page.told(ANN)).toEqual({})
    expect(page.effects('visitor')).toEqual([['visitor', { kind: 'user' }]])
  })

  it('of a cookie that works has a page on its first visit come back with it', () => {
    const page = new BarePage(NEW_GUEST, false)
    page.on('news', { who: 'g', tickets: [], held: [] })
    expect(page.told(THE_GUEST)).toEqual({})
    expect(page.did('take')).toBe(true)
  })

  it('of its own visitor is taken over, and leaves nothing to POST', () => {
    const page = BarePage.greeted()
    const ticket = page.learn(['division', 10, 3])
    page.on('news', { who: 'g', tickets: [ticket], held: [['cart', 4]] })
    expect([page.status('division'), page.post(), page.did('reconnect')]).toEqual(['saved', undefined, false])
  })

  it('shows a tab without a connection what another one has made', () => {
    const page = new BarePage(GUEST, false)
    const other = new BarePage(GUEST, false)
    other.set('division', 3)
    other.answer({ stamp: 10 })
    for (const [, news] of other.effects('tell')) page.on('news', news as never)
    expect([page.get('division'), page.status('division')]).toEqual([3, 'saved'])
  })
})

describe('a page that is left', () => {
  it('ends its question, and makes another as it comes back', () => {
    const page = new BarePage(null, false)
    page.on('begin')
    page.post()
    page.on('leave')
    expect([page.did('release'), page.effects('post'), page.post()]).toEqual([true, [['post', {}, 10_000]], undefined])
    page.on('return')
    expect(page.post()).toEqual({})
  })

  it('POSTs everything, also what is under way over the socket, and sends nothing twice there', () => {
    const page = BarePage.greeted()
    page.learn(['cart', 7, []])
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

  it('POSTs what is unsaved on a first visit, too: its HTML has said whose it is', () => {
    const page = new BarePage(NEW_GUEST)
    page.set('division', 3)
    page.effects()
    page.on('leave')
    expect(page.effects('post')).toEqual([['post', { who: 'g', set: [['division', 0, '', 3]] }]])
  })

  it('POSTs nothing where nothing is unsaved, or it is not known whose it is', () => {
    const saved = BarePage.greeted()
    saved.set('division', 3)
    saved.take(10)
    saved.answer()
    const strange = new BarePage(null)
    strange.set('division', 3)
    for (const page of [saved, strange]) {
      page.effects()
      page.on('leave')
      expect(page.effects('post')).toEqual([])
    }
  })

  it('POSTs once, also if the browser freezes it afterwards', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.effects()
    for (let count = 0; count < 2; count += 1) page.on('leave')
    expect(page.effects('post')).toHaveLength(1)
  })

  it('settles all that was set, once it comes back', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.set('division', 4)
    page.on('leave')
    page.lose()
    page.on('return')
    page.told(THE_GUEST)
    page.comeBack()
    for (let stamp = 10; stamp < 13; stamp += 1) page.take(stamp)
    page.answer()
    expect([page.settled.length, page.get('division')]).toEqual([2, 4])
  })
})
