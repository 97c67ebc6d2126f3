import { describe, expect, it } from '@jest/globals'
import { remainsOf } from '../../client/core/remains.js'
import { BarePage, type BareSnapshot, GUEST, OF_GUEST, OF_STRANGER } from '../support/bare-page.js'
import { type BareClaims, bareTicket } from '../support/bare-ticket.js'

/** A page of a browser id that was just made. */
const YOUNG: BareSnapshot = { ...GUEST, young: 'guest' }
const NAMELESS: BareSnapshot = { subject: 'bob', epoch: 0, values: {}, defaults: { division: -1 }, stamps: {} }
/** Another id of the same browser. */
const OTHER: BareClaims = { ...OF_GUEST, sub: 'h', browser: 'h' }
const OF_ANN: BareClaims = { ...OF_GUEST, sub: 'ann', browser: 'b' }

/** A page that was greeted as another, after it has set something. */
function moved(initial: BareSnapshot, claims: BareClaims): BarePage {
  const page = new BarePage(initial)
  page.set('division', 3)
  page.on('connect')
  page.hear(claims)
  return page
}

/** A page that asks, and has its answer. */
function answered(page: BarePage, claims: BareClaims, cookieless?: true): void {
  page.answer({ ticket: bareTicket({ defaults: {}, ...claims }), ...(cookieless && { cookieless }) })
}

describe('a page that hears a greeting with `browser`', () => {
  it('offers the tickets that it holds, before it sends anything', () => {
    const page = BarePage.greeted()
    const ticket = page.learn(['cart', 10, ['a']])
    page.on('disconnect')
    page.set('division', 3)
    page.on('connect')
    page.effects()
    page.hear(OF_GUEST)
    expect(page.effects('offer', 'send')).toEqual([
      ['offer', ticket],
      ['send', ['division', -1, 3]],
    ])
  })

  it('offers what was saved where the server knows less, and nothing that it knows', () => {
    const page = BarePage.greeted()
    const lost = page.learn(['cart', 10, ['a']])
    page.learn(['division', 11, 4])
    const held = [
      ['cart', 10],
      ['division', 11],
    ] as const
    page.answer({ held })
    page.answer({ held })
    page.effects()
    page.comeBack({ ...OF_GUEST, changes: [['division', 11, 4]] })
    expect([page.status('cart'), page.effects('offer')]).toEqual(['saved', [['offer', lost]]])
  })

  it('keeps all that it has where that is its own identity', () => {
    const page = moved(GUEST, OF_GUEST)
    expect([page.sent(), page.settled, page.did('visitor')]).toEqual([[['division', -1, 3]], [], false])
  })

  it('takes another, tells the other tabs and the app, and takes out what its pages have left', () => {
    const page = moved(GUEST, { ...OF_ANN, changes: [['division', 5, 8]] })
    expect(page.effects('visitor', 'take')).toEqual([
      ['visitor', 'user'],
      ['take', 'ann 0 '],
    ])
    page.time('hush')
    expect(page.effects('tell')).toEqual([['tell', { browser: 'b', tickets: [], held: [] }]])
    expect([page.state.page.identity?.sub, page.get('division')]).toEqual(['ann', 8])
    expect(page.settled).toEqual(['3 superseded'])
  })

  it('begins with it where it knew none, and brings what was set until then', () => {
    const page = new BarePage({})
    page.on('connect')
    page.set('division', 3)
    expect([page.sent(), page.state.isReady]).toEqual([[], true])
    page.hear(OF_ANN)
    expect([page.sent(), page.did('visitor')]).toEqual([[['division', -1, 3]], false])
  })

  it('is ready once it has heard all of it', () => {
    const page = new BarePage(null)
    page.on('connect')
    page.hear({ ...OF_ANN, more: true })
    expect(page.state.isReady).toBe(false)
    page.hear({ ...OF_ANN, sub: 'b', defaults: { theme: 'light' }, changes: [['theme', 4, 'dark']] })
    expect([page.state.isReady, page.get('theme')]).toEqual([true, 'dark'])
    page.hear({ sub: 'b', changes: [['theme', 5, 'light']] })
    expect(page.get('theme')).toBe('light')
  })
})

describe('what was set under one identity', () => {
  const YOUNG_OTHER = { ...OTHER, young: 'guest' }
  const YOUNG_ANN: BareSnapshot = { ...YOUNG, subject: 'ann', young: 'ann' }
  const CHANGE = ['division', -1, 3]

  it('is carried over to that of the same user, whose browser had no name', () => {
    const page = moved({ ...NAMELESS, subject: 'ann' }, OF_ANN)
    expect([page.get('division'), page.settled, page.sent()]).toEqual([3, [], [CHANGE]])
    expect(page.did('visitor')).toBe(false)
  })

  it.each<[string, BareSnapshot, BareClaims]>([
    ['a young guest', YOUNG, YOUNG_OTHER],
    ['the same user under two young ids', YOUNG_ANN, { ...OF_ANN, young: 'ann' }],
  ])('is carried over to that of %s, once the server says that the former was not given up', (_, initial, claims) => {
    const page = moved(initial, claims)
    expect([page.get('division'), page.status('division'), page.sent()]).toEqual([3, 'saving', []])
    expect(page.state.page.identity?.sub).toBe(claims.sub)
    expect(page.told()).toEqual({ subject: 'g' })
    expect([page.get('division'), page.settled, page.sent(), page.did('visitor')]).toEqual([3, [], [CHANGE], false])
  })

  it.each<[string, BareSnapshot, BareClaims, string]>([
    ['guest', YOUNG, YOUNG_OTHER, 'guest'],
    ['same user', YOUNG_ANN, { ...OF_ANN, young: 'ann' }, 'user'],
  ])('is dropped where the former id was given up: the next %s may be another person', (_, initial, claims, kind) => {
    const page = moved(initial, claims)
    page.told(true)
    expect([page.get('division'), page.settled, page.sent(), page.post()]).toEqual([
      -1,
      ['3 superseded'],
      [],
      undefined,
    ])
    expect(page.effects('visitor')).toEqual([['visitor', kind]])
  })

  it('waits for that, while the page is the other visitor\u2019s in all else', () => {
    const page = moved(YOUNG, YOUNG_OTHER)
    page.fail()
    page.fail({ status: 429, error: { code: 'rate_limited' } })
    page.hear({ sub: 'h', changes: [['cart', 9, ['new']]] })
    page.on('news', { browser: 'h', young: 'guest', tickets: [], held: [] })
    expect([page.get('cart'), page.get('division'), page.sent(), page.did('reconnect')]).toEqual([
      ['new'],
      3,
      [],
      false,
    ])
    expect(page.told()).toEqual({ subject: 'g' })
    expect(page.sent()).toEqual([CHANGE])
  })

  it('is asked about for each id that the page had meanwhile', () => {
    for (const givenUp of [false, true]) {
      const page = moved(YOUNG, YOUNG_OTHER)
      page.comeBack({ ...OTHER, sub: 'i', browser: 'i', young: 'guest' })
      expect([page.told(), page.sent()]).toEqual([{ subject: 'g' }, []])
      expect(page.told(givenUp)).toEqual({ subject: 'h' })
      expect(page.sent()).toEqual(givenUp ? [] : [CHANGE])
    }
  })

  it('is asked about no more where the page has that id again, but for the id between', () => {
    const page = moved(YOUNG, YOUNG_OTHER)
    page.answer()
    expect(page.did('reconnect')).toBe(true)
    page.comeBack({ ...OF_GUEST, young: 'guest' })
    expect(page.told()).toEqual({ subject: 'h' })
    expect([page.sent(), page.settled]).toEqual([[CHANGE], []])
  })

  it('is not asked about where there is nothing, or nothing that is not saved', () => {
    const page = BarePage.greeted({ ...OF_GUEST, young: 'guest' }, YOUNG)
    page.learn(['cart', 8, ['elsewhere']])
    page.comeBack(YOUNG_OTHER)
    expect([page.state.page.identity?.sub, page.post()]).toEqual(['h', undefined])
  })

  it('is left to no other page, nor sent as the page is left, before that is known', () => {
    const page = moved(YOUNG, YOUNG_OTHER)
    expect(remainsOf(page.state)).toEqual(new Map())
    page.on('leave')
    expect(page.did('postLast')).toBe(false)
  })

  it('is carried over, once that is asked, where the page has no socket', () => {
    for (const givenUp of [false, true]) {
      const page = new BarePage(YOUNG, false)
      page.set('division', 3)
      // The browser has kept it: what it is by now, it asks.
      page.on('leave')
      page.on('return')
      answered(page, YOUNG_OTHER)
      expect([page.told(givenUp), page.settled]).toEqual([{ subject: 'g' }, givenUp ? ['3 superseded'] : []])
      expect(page.post()).toEqual(givenUp ? undefined : { subject: 'h', set: [['division', 0, 3]] })
    }
  })

  it('is dropped, with the question, where the browser is another owner\u2019s by then', () => {
    const page = moved(YOUNG, YOUNG_OTHER)
    page.comeBack({ ...OF_ANN, young: 'ann' })
    expect([page.settled, page.post(), page.sent()]).toEqual([['3 superseded'], undefined, []])
  })

  it('is sent over its connection, once that is asked, where the browser turns out to keep no cookie, too', () => {
    for (const givenUp of [false, true]) {
      const page = moved(YOUNG, YOUNG_OTHER)
      const nameless: BareClaims = { sub: 'h', defaults: {} }
      page.comeBack(nameless)
      answered(page, nameless)
      page.comeBack(nameless)
      expect([page.is, page.get('division'), page.sent()]).toEqual(['memory', 3, []])
      expect(page.told(givenUp)).toEqual({ subject: 'g' })
      expect([page.sent(), page.get('division')]).toEqual(givenUp ? [[], -1] : [[CHANGE], 3])
      expect(page.settled).toEqual(['3 cookies_blocked'])
    }
  })

  it.each<[string, BareSnapshot, BareClaims]>([
    ['one that is not young', YOUNG, OTHER],
    ['a young one, from one that is not', GUEST, { ...OTHER, young: 'guest' }],
    ['a user', YOUNG, { ...OF_ANN, young: 'ann' }],
    ['another user', { ...YOUNG, young: 'ann' }, { ...OF_ANN, young: 'bob' }],
    ['another user, where the browser had no name', NAMELESS, OF_ANN],
    ['another user, where it never has', NAMELESS, { sub: 'ann', defaults: {} }],
    ['a user, where the guest’s browser had no name', { ...NAMELESS, young: 'guest' }, { ...OF_ANN, young: 'ann' }],
    ['a newer epoch', YOUNG, { ...OF_GUEST, young: 'guest', epoch: 1 }],
  ])('is dropped for %s', (_, initial, claims) => {
    const page = moved(initial, claims)
    expect([page.get('division'), page.settled, page.sent()]).toEqual([-1, ['3 superseded'], []])
    expect(page.did('visitor')).toBe(true)
  })

  it('is carried over with what the server has acknowledged, and without what comes from elsewhere', () => {
    const page = BarePage.greeted({ ...OF_GUEST, young: 'guest' }, YOUNG)
    page.learn(['cart', 8, ['elsewhere']])
    page.set('division', 3)
    page.acknowledge('division', 10)
    page.learn(['division', 10, 3])
    page.effects()
    page.comeBack({ ...OTHER, young: 'guest' })
    page.told()
    expect([page.sent(), page.get('cart')]).toEqual([[['division', -1, 3]], []])
  })

  it('is dropped where another write has replaced it: that one is not the page’s own', () => {
    const page = BarePage.greeted({ ...OF_GUEST, young: 'guest' }, YOUNG)
    page.set('division', 3)
    page.acknowledge('division', 10)
    page.learn(['division', 11, 4])
    page.effects()
    page.comeBack({ ...OTHER, young: 'guest' })
    expect([page.get('division'), page.settled, page.sent()]).toEqual([-1, ['3 superseded'], []])
  })

  it('is dropped once the id has been young for long, or the server has ended the connection', () => {
    for (const end of [['timer', 'young'] as const, ['reconnect'] as const]) {
      const page = BarePage.greeted({ ...OF_GUEST, young: 'guest' }, YOUNG)
      page.set('division', 3)
      page.on(...end)
      page.comeBack({ ...OTHER, young: 'guest' })
      expect([end, page.settled]).toEqual([end, ['3 superseded']])
    }
  })

  it('is dropped where the cookie had come back and is gone: a guest may have left', () => {
    const page = new BarePage(YOUNG, false)
    page.set('division', 3)
    page.answer({ stamp: 10, held: [['division', 10]] })
    page.set('division', 4)
    page.fail({ status: 403, error: { code: 'cookies_blocked' } })
    answered(page, { ...OTHER, young: 'guest' }, true)
    expect([page.settled.at(-1), page.get('division'), page.post()]).toEqual(['4 superseded', -1, undefined])
  })

  it('is dropped where a connection comes without the cookie that had come back', () => {
    const page = BarePage.greeted({ ...OF_GUEST, young: 'guest' }, YOUNG)
    page.on('disconnect')
    page.set('division', 3)
    page.on('connect')
    page.hear(OF_STRANGER)
    answered(page, { ...OTHER, young: 'guest' }, true)
    page.comeBack({ ...OTHER, young: 'guest' })
    expect([page.settled, page.sent()]).toEqual([['3 superseded'], []])
  })

  it('counts as young for ten minutes after the page has learnt it, and no longer', () => {
    const page = new BarePage(YOUNG)
    page.on('connect')
    expect(page.effects('timer')).toContainEqual(['timer', 'young', 600_000, 0])
  })
})

describe('a page that hears a greeting without `browser`', () => {
  it('ends its POST, shows nothing of it, asks, and comes back with the cookie', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.post()
    page.on('connect')
    page.effects()
    page.hear({ ...OF_STRANGER, changes: [['cart', 5, ['strange']]] })
    expect([page.is, page.did('abort'), page.get('cart'), page.get('division')]).toEqual(['asking', true, [], 3])
    expect(page.post()).toEqual({})
    answered(page, OTHER)
    expect([page.is, page.did('reconnect')]).toEqual(['asked', true])
    page.comeBack(OF_GUEST)
    expect([page.is, page.sent(), page.settled]).toEqual(['known', [['division', 0, 3]], []])
  })

  it('shows it where the page has no identity of its own, sends nothing meanwhile, and asks', () => {
    const page = new BarePage({})
    page.on('connect')
    page.hear(OF_STRANGER)
    page.set('division', 3)
    expect([page.get('cart'), page.sent(), page.post()]).toEqual([[], [], {}])
    answered(page, { ...OTHER, young: 'guest' })
    page.comeBack({ ...OTHER, young: 'guest' })
    expect([page.sent(), page.settled]).toEqual([[['division', -1, 3]], []])
  })

  it('leaves nothing of a user who came without a cookie to the guest who comes next', () => {
    const page = new BarePage({})
    page.on('connect')
    page.hear({ ...OF_STRANGER, sub: 'ann', young: 'ann' })
    page.set('division', 3)
    page.comeBack({ ...OTHER, young: 'guest' })
    expect([page.get('division'), page.settled]).toEqual([-1, ['3 superseded']])
  })
})

describe('a page of a user', () => {
  it('tells of a guest who keeps no cookie, and whose id is not young, as of a guest', () => {
    const page = BarePage.greeted(OF_ANN, null)
    const claims: BareClaims = { sub: 'h', guest: true, defaults: {} }
    page.comeBack(claims)
    answered(page, claims)
    page.comeBack(claims)
    expect([page.is, page.effects('visitor')]).toEqual(['memory', [['visitor', 'guest']]])
  })
})

describe('a page whose handshake was refused', () => {
  it('as another\u2019s ends its POST, asks, and connects again', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.post()
    page.on('refused', 'other_subject')
    expect([page.did('abort'), page.post()]).toEqual([true, {}])
    answered(page, OTHER)
    expect([page.is, page.did('reconnect')]).toEqual(['asked', true])
  })

  it('as another\u2019s is young no more: the guest may have left while the page had no connection', () => {
    const page = BarePage.greeted({ ...OF_GUEST, young: 'guest' }, YOUNG)
    page.on('disconnect')
    page.set('division', 3)
    page.on('refused', 'other_subject')
    answered(page, { ...OTHER, young: 'guest' })
    page.on('connect')
    page.hear({ ...OTHER, young: 'guest' })
    expect([page.get('division'), page.settled]).toEqual([-1, ['3 superseded']])
  })

  it('as another\u2019s connects again also where its question is lost: the cookie may be there by now', () => {
    const page = new BarePage()
    page.on('refused', 'other_subject')
    page.fail()
    expect(page.did('reconnect')).toBe(false)
    page.time('link')
    expect(page.did('reconnect')).toBe(true)
    page.on('connect')
    page.hear(OF_ANN)
    expect(page.is).toBe('known')
  })

  it('as one too many connects again later, and later each time', () => {
    const page = new BarePage()
    const waits: unknown[] = []
    for (let count = 0; count < 4; count += 1) {
      page.on('refused', 'rate_limited')
      waits.push(page.effects('timer').at(-1)?.[2])
      page.time('link')
      expect(page.did('reconnect')).toBe(true)
    }
    expect(waits).toEqual([1000, 1000, 1000, 2000])
  })

  it.each([['bad_origin'], [undefined]])('for %s goes on over POSTs', (code) => {
    const page = new BarePage()
    page.on('refused', code)
    page.set('division', 3)
    expect([page.post()?.set, page.did('reconnect')]).toEqual([[['division', 0, 3]], false])
  })
})

describe('a page whose connection the server ends', () => {
  it('ends its POST, and POSTs nothing before it was told whose it is', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 1])
    page.post()
    page.on('reconnect')
    expect(page.effects('abort', 'reconnect')).toEqual([['abort'], ['reconnect']])
    page.on('disconnect')
    expect(page.post()).toBeUndefined()
    page.on('connect')
    page.hear(OF_GUEST)
    expect(page.post()?.tickets).toHaveLength(1)
  })

  it('without a word goes on over POSTs', () => {
    const page = BarePage.greeted()
    page.on('disconnect')
    page.set('division', 3)
    expect(page.post()).toEqual({ subject: 'g', set: [['division', 0, 3]] })
  })
})

describe('a page whose POST is refused as a whole', () => {
  it.each(['other_subject', 'cookies_blocked'] as const)('with %s reconnects, and keeps what it has', (code) => {
    const page = BarePage.greeted()
    const ticket = page.learn(['division', 10, 1])
    page.effects()
    expect(page.fail({ status: 403, error: { code } })?.tickets).toEqual([ticket])
    expect([page.is, page.did('reconnect'), page.status('division')]).toEqual(['known', true, 'saving'])
  })

  it('asks where it has no socket, and goes on with the ticket of the answer, as the same or as another', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.fail({ status: 403, error: { code: 'other_subject' } })
    expect(page.post()).toEqual({})
    answered(page, { ...OF_ANN, changes: [['division', 5, 8]] })
    expect([page.get('division'), page.settled, page.did('visitor')]).toEqual([8, ['3 superseded'], true])
  })

  it('gives up the ticket that one is about, and brings the others', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 1])
    const good = page.learn(['cart', 10, []])
    page.fail({ status: 403, error: { code: 'other_subject', index: 0 } })
    expect([page.status('division'), page.post()?.tickets]).toEqual(['other_subject', [good]])
  })
})

describe('the HTML of a page', () => {
  it('names no browser where there is none', () => {
    expect(new BarePage(NAMELESS).state.subjects).toEqual(['bob 0 '])
    expect(new BarePage({ ...NAMELESS, browser: 'b' }).state.subjects).toEqual(['bob 0 ', 'b 0 '])
  })
})

describe('a page that hears of another browser from another tab', () => {
  it('ends its own question, and reconnects once for all that tell', () => {
    const page = BarePage.greeted(OF_STRANGER, GUEST)
    expect(page.post()).toEqual({})
    for (const browser of ['h', 'i', 'j']) page.on('news', { browser, tickets: [], held: [] })
    expect([page.did('abort'), page.is, page.post()]).toEqual([true, 'asked', undefined])
    page.time('link')
    expect(page.did('reconnect')).toBe(true)
    page.time('link')
    expect(page.did('reconnect')).toBe(false)
  })

  it('asks where it has no connection', () => {
    const page = new BarePage(GUEST, false)
    page.on('news', { browser: 'h', tickets: [], held: [] })
    expect(page.post()).toEqual({})
  })

  it('brings nothing of one young guest to another where a user was there between', () => {
    const page = new BarePage(YOUNG)
    page.set('division', 3)
    page.on('news', { browser: 'u', tickets: [], held: [] })
    page.on('connect')
    page.hear({ sub: 'h', browser: 'h', young: 'guest', defaults: {} })
    expect([page.settled, page.sent()]).toEqual([['3 superseded'], []])
  })

  it('leaves it to the connection that is to come to say so, and asks nothing', () => {
    const page = new BarePage(GUEST)
    page.on('news', { browser: 'h', tickets: [], held: [] })
    expect([page.is, page.post(), page.did('reconnect')]).toEqual(['asked', undefined, false])
    page.on('connect')
    page.hear({ sub: 'h', browser: 'h', defaults: {} })
    expect(page.is).toBe('known')
  })

  it('takes over what the tabs of its own browser tell, and has no more to POST', () => {
    const page = BarePage.greeted()
    const ticket = bareTicket({ sub: 'g', changes: [['division', 10, 7]] })
    page.on('news', { browser: 'g', tickets: [ticket, ''], held: [['division', 10]] })
    expect([page.get('division'), page.status('division'), page.post()]).toEqual([7, 'saved', undefined])
  })

  it('is told of the last of many in 100 ms', () => {
    const page = BarePage.greeted({ ...OF_GUEST, young: 'guest' }, YOUNG)
    for (const browser of ['h', 'i', 'j']) {
      page.comeBack({ ...OTHER, sub: browser, browser, young: 'guest' })
    }
    const told = (): unknown[] => page.effects('tell').map(([, news]) => (news as { browser: string }).browser)
    expect(told()).toEqual([])
    page.time('hush')
    page.time('hush')
    expect(told()).toEqual(['j'])
  })
})

describe('a page without a socket', () => {
  it('asks at once where it knows nothing, and is ready with the answer', () => {
    const page = new BarePage(null, false)
    page.on('begin')
    expect(page.post()).toEqual({})
    page.answer({ ticket: bareTicket({ ...OF_GUEST, changes: [['division', 5, 8]] }), held: [['division', 5]] })
    expect([page.state.isReady, page.get('division'), page.post()]).toEqual([true, 8, undefined])
  })

  it('asks for nothing where its HTML says all', () => {
    const page = new BarePage(GUEST, false)
    page.on('begin')
    expect(page.post()).toBeUndefined()
  })

  it('with plain values asks once there is something to bring', () => {
    const page = new BarePage({ division: 1 }, false)
    page.on('begin')
    expect(page.post()).toBeUndefined()
    page.set('division', 3)
    expect(page.post()).toEqual({})
    answered(page, OF_GUEST)
    expect(page.post()).toEqual({ subject: 'g', set: [['division', 0, 3]] })
  })

  it('asks where it comes back as it was left, and shows what it missed', () => {
    const page = new BarePage(GUEST, false)
    page.on('leave')
    page.on('return')
    expect(page.post()).toEqual({})
    answered(page, { ...OF_GUEST, changes: [['division', 5, 8]] })
    expect([page.get('division'), page.is]).toEqual([8, 'known'])
  })
})

describe('a page whose socket', () => {
  it('never says whose it is POSTs, after a while', () => {
    const page = new BarePage()
    page.on('connect')
    page.set('division', 3)
    expect(page.post()).toBeUndefined()
    page.time('greet')
    expect(page.post()?.set).toEqual([['division', 0, 3]])
  })

  it('never says whose it is asks by POST where the page does not know', () => {
    const page = new BarePage({})
    page.on('connect')
    page.set('division', 3)
    page.time('greet')
    expect(page.post()).toEqual({})
    answered(page, OF_GUEST)
    expect([page.did('reconnect'), page.post()?.set]).toEqual([false, [['division', 0, 3]]])
  })
})

describe('a page whose connection does not come', () => {
  const BY_POST = { ...OF_GUEST, changes: [['division', 5, 8]] } as const

  /** A page with an acknowledged change, whose connection is gone. */
  function cut(): BarePage {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.acknowledge('division', 10)
    page.learn(['division', 10, 3])
    page.on('disconnect')
    return page
  }

  it('is ready with the answer to its question where nothing is attached to its namespace', () => {
    const page = new BarePage(null)
    page.on('begin')
    page.on('connect')
    page.time('greet')
    page.answer({ ticket: bareTicket(BY_POST) })
    expect([page.state.isReady, page.get('division'), page.post()]).toEqual([
      true,
      8,
      { subject: 'g', tickets: [expect.any(String)] },
    ])
  })

  it('is ready with the answer to its question where its handshake is refused', () => {
    const page = new BarePage(null)
    page.on('begin')
    expect(page.post()).toBeUndefined()
    page.on('refused', 'bad_origin')
    expect(page.post()).toEqual({})
    answered(page, BY_POST)
    expect([page.state.isReady, page.get('division'), page.is]).toEqual([true, 8, 'known'])
  })

  it('is ready with the answer to its question where it hears nothing for a while', () => {
    const page = new BarePage(null)
    page.on('begin')
    page.time('greet')
    expect(page.post()).toEqual({})
  })

  it('waits for it where its HTML says all', () => {
    const page = new BarePage(YOUNG)
    page.on('begin')
    page.on('refused', undefined)
    expect([page.post(), page.state.timers.has('greet')]).toEqual([undefined, false])
  })

  it('brings what is held once another tab has told of another browser, and a while has passed', () => {
    const page = cut()
    page.on('news', { browser: 'h', tickets: [], held: [] })
    expect(page.post()).toBeUndefined()
    page.time('greet')
    expect(page.post()).toEqual({})
    answered(page, OF_GUEST)
    expect([page.is, page.post()?.tickets]).toEqual(['known', [expect.any(String)]])
  })

  it('brings what is held where it was answered, and its handshake is refused all the same', () => {
    const page = cut()
    page.on('refused', 'other_subject')
    answered(page, OF_GUEST)
    expect([page.is, page.did('reconnect'), page.post()]).toEqual(['asked', true, undefined])
    page.on('refused', 'bad_origin')
    expect(page.post()).toEqual({})
    answered(page, OF_GUEST)
    expect([page.is, page.post()?.tickets]).toEqual(['known', [expect.any(String)]])
  })

  it('asks no sooner than it connects where it connects later each time', () => {
    const page = new BarePage()
    let asks = 0
    for (let count = 0; count < 8; count += 1) {
      page.on('refused', 'other_subject')
      answered(page, OF_GUEST)
    }
    page.time('greet')
    while (page.post()) {
      asks += 1
      answered(page, OF_GUEST)
    }
    expect([asks, page.state.timers.has('link')]).toEqual([0, true])
  })

  it('has what its HTML shows as unsaved told, where that names no browser', () => {
    const page = new BarePage(
      { ...NAMELESS, values: { division: 4 }, stamps: { division: 10 }, unsaved: ['division'] },
      false,
    )
    page.on('flush')
    expect(page.post()).toEqual({})
    page.answer({ ticket: bareTicket({ sub: 'bob', defaults: {} }), cookieless: true })
    expect([page.status('division'), page.post()]).toEqual(['cookies_blocked', undefined])
  })
})

describe('a page whose questions fail, on a first visit', () => {
  /** Its connection works, its endpoint does not. */
  function unanswered(): BarePage {
    const page = new BarePage(null)
    page.on('begin')
    page.on('connect')
    page.hear(OF_STRANGER)
    page.set('division', 3)
    page.time('greet')
    return page
  }

  it('sends what is set over its connection, and does not call it saved', () => {
    const page = unanswered()
    expect(page.sent()).toEqual([])
    page.fail({ status: 403 })
    expect([page.is, page.sent()]).toEqual(['asking', [['division', -1, 3]]])
    page.acknowledge('division', 10)
    expect([page.status('division'), page.settled]).toEqual(['offline', []])
  })

  it('brings it anew to the browser that an answer makes at last', () => {
    const page = unanswered()
    page.fail({ status: 403 })
    page.sent()
    page.acknowledge('division', 10)
    page.hear({ sub: 'temporary', changes: [['division', 10, 3]] })
    answered(page, { ...OTHER, young: 'guest' }, true)
    page.comeBack({ ...OTHER, young: 'guest' })
    expect([page.is, page.sent(), page.settled]).toEqual(['known', [['division', -1, 3]], []])
  })
})

describe('a page that is left', () => {
  it('ends its question, and no other is made', () => {
    const page = BarePage.greeted(OF_STRANGER, GUEST)
    page.post()
    page.on('leave')
    expect([page.did('abort'), page.state.posting.is]).toEqual([true, 'idle'])
    page.on('return')
    expect(page.post()).toEqual({})
  })

  it('lets a POST of its own go on', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.post()
    page.effects()
    page.on('leave')
    expect(page.did('abort')).toBe(false)
  })

  it('POSTs everything, also what is under way over the socket, and sends nothing twice there', () => {
    const page = BarePage.greeted()
    page.learn(['cart', 7, []])
    page.set('division', 3)
    page.set('cart', ['a'])
    page.set('cart', ['b'])
    page.sent()
    page.on('leave')
    const set = [
      ['division', 0, 3],
      ['cart', -1, ['b']],
    ]
    expect(page.effects('postLast')).toEqual([['postLast', { subject: 'g', tickets: [expect.any(String)], set }]])
    page.on('return')
    expect(page.sent()).toEqual([])
    page.acknowledge('division', 10)
    expect(page.status('division')).toBe('saving')
  })
})
