import { describe, expect, it } from '@jest/globals'
import type { JsonValue } from '../../shared/json.js'
import { ANN, BarePage, GUEST, NAMELESS, NEW_GUEST, THE_GUEST, type Visitor } from '../support/page/bare-page.js'

const add =
  (item: string) =>
  (value: JsonValue | undefined): JsonValue => [...(value as string[]), item]

/** Its questions are answered, and its connections come, without a cookie. */
function inVain(page: BarePage, visitor: Visitor): void {
  for (let count = 0; count < 3 && page.told(visitor); count += 1) {
    page.time('link')
    if (page.did('reconnect')) page.comeBack(NAMELESS)
  }
}

/** A page that has set something in a browser without a cookie. */
function first(): BarePage {
  const page = new BarePage(null)
  page.on('begin')
  page.on('connect')
  page.greet(NAMELESS)
  page.set('theme', 'dark')
  page.take(5)
  return page
}

/** The same, whose browser throws the cookie of each answer away. */
function blocked(): BarePage {
  const page = first()
  inVain(page, { who: 'g', guest: true })
  page.take(6)
  page.effects()
  return page
}

/** A page of a guest who has not agreed to be remembered: no answer brings a cookie. */
function denied(): BarePage {
  const page = new BarePage({ guest: true, values: {}, defaults: { division: -1, cart: [] }, stamps: {} })
  page.on('begin')
  page.on('connect')
  page.greet(NAMELESS)
  page.set('theme', 'dark')
  page.take(5)
  page.told(NAMELESS)
  page.effects()
  return page
}

it('is not taken for one without cookies where a visitor signs in as the first cookie is asked for', () => {
  const page = first()
  page.told({ who: 'g', guest: true })
  // The guest's cookie came with it, and is another's by now.
  page.on('refused', 'other_subject')
  page.told({ who: 'ann' })
  expect(page.status('theme')).toBe('saving')
})

describe.each([
  ['keeps no cookies', blocked],
  ['is not agreed to be remembered', denied],
])('a page whose browser %s', (_, open) => {
  it('shows what is set, sends it over the socket, and calls it cookies_blocked', () => {
    const page = open()
    page.set('division', 3)
    expect([page.sent(), page.get('division'), page.status('division')]).toEqual([
      [['division', 0, '', 3]],
      3,
      'cookies_blocked',
    ])
    page.take(10)
    expect([page.get('division'), page.status('division'), page.settled.at(-1)]).toEqual([
      3,
      'cookies_blocked',
      '3 cookies_blocked',
    ])
  })

  it('has said so of what was set before', () => {
    const page = open()
    expect([page.get('theme'), page.status('theme'), page.settled]).toHaveLength(3)
    expect(page.status('theme')).toBe('cookies_blocked')
    expect(page.settled[0]).toMatch(/ cookies_blocked$/)
  })

  it('asks and POSTs no more, and leaves nothing to other pages', () => {
    const page = open()
    page.set('division', 3)
    page.take(10)
    expect([page.post(), page.did('reconnect'), page.remains()]).toEqual([undefined, false, undefined])
    page.on('wake')
    page.on('use')
    expect(page.post()).toBeUndefined()
  })

  it('carries it from one nameless connection to the next, and calls none another visitor', () => {
    const page = open()
    page.set('division', 3)
    page.take(10)
    for (let times = 0; times < 3; times += 1) {
      page.effects()
      page.comeBack(NAMELESS)
      expect([page.get('division'), page.get('theme'), page.did('visitor')]).toEqual([3, 'dark', false])
      expect(page.sent()).toEqual(expect.arrayContaining([['division', 0, '', 3]]))
      page.take(20 + times)
      expect(page.post()).toBeUndefined()
    }
  })

  it('carries what it has computed as it is', () => {
    const page = open()
    for (const [i, item] of ['a', 'b'].entries()) {
      page.update('cart', add(item))
      page.take(10 + i)
    }
    page.comeBack(NAMELESS)
    expect(page.get('cart')).toEqual(['a', 'b'])
  })

  it('rejects at once what is set while the connection is down, and sends it with the next', () => {
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

  it('saves it, made anew, once the browser keeps a cookie and the page is told to flush', () => {
    const page = open()
    page.set('division', 3)
    page.take(10)
    page.on('flush')
    expect(page.told({ who: 'h', guest: true, kept: true })).toEqual({})
    expect(page.did('reconnect')).toBe(true)
    page.comeBack({ ...THE_GUEST, who: 'h' })
    expect(page.sent()).toEqual(expect.arrayContaining([['division', 0, '', 3]]))
    page.take(12)
    page.answer()
    expect([page.get('division'), page.status('division'), page.did('visitor')]).toEqual([3, 'saved', false])
  })

  it('asks once more at a flush, and no more where nothing has changed', () => {
    const page = open()
    page.on('flush')
    let asked = 0
    for (; page.told({ who: 'i', guest: true }); asked += 1) {
      expect(asked).toBeLessThan(3)
      if (page.did('reconnect')) page.comeBack(NAMELESS)
    }
    expect([asked > 0, page.status('theme')]).toEqual([true, 'cookies_blocked'])
  })

  it('is left by the news of another tab', () => {
    const page = open()
    page.on('news', { who: 'g', tickets: [], held: [] })
    page.time('link')
    expect(page.did('reconnect')).toBe(true)
    page.comeBack()
    expect(page.get('theme')).toBe('dark')
    page.take(30)
    page.answer()
    expect(page.status('theme')).toBe('saved')
  })

  it('asks as a connection is refused as another’s, and comes back without the cookie that the answer takes away', () => {
    const page = open()
    page.disconnect()
    page.on('refused', 'other_subject')
    for (let asked = 0; asked < 2; asked += 1) {
      expect(page.told(NAMELESS)).toEqual({})
      expect(page.did('reconnect')).toBe(true)
      if (asked === 0) page.on('refused', 'other_subject')
    }
    page.comeBack(NAMELESS)
    page.set('division', 3)
    expect([page.sent(), page.status('division'), page.post()]).toEqual([
      expect.arrayContaining([['division', 0, '', 3]]),
      'cookies_blocked',
      undefined,
    ])
  })

  it('asks seldom where each connection is refused as another’s', () => {
    const page = open()
    page.disconnect()
    let asked = 0
    for (let times = 0; times < 50; times += 1) {
      page.on('refused', 'other_subject')
      if (page.told(NAMELESS)) asked += 1
      page.time('link')
      expect(page.did('reconnect')).toBe(true)
    }
    expect([asked < 7, page.status('theme')]).toEqual([true, 'cookies_blocked'])
  })

  it('calls what a handler has written what it is, and would not set it as its own', () => {
    const page = open()
    page.learn(['role', 10, 'admin'])
    expect([page.get('role'), page.status('role')]).toEqual(['admin', 'cookies_blocked'])
    page.effects()
    page.comeBack(NAMELESS)
    expect(page.sent().map(([key]) => key)).not.toContain('role')
  })

  it('sends nothing of its own again that has been overtaken', () => {
    const page = open()
    page.set('division', 3)
    for (const stamp of [9, 10]) page.take(stamp)
    page.learn(['division', 11, 4])
    page.effects()
    page.comeBack(NAMELESS)
    expect(page.sent().filter(([key]) => key === 'division')).toEqual([])
  })

  it('tells each caller once', () => {
    const page = open()
    page.disconnect()
    page.effects()
    for (let i = 0; i < 50; i += 1) page.set('division', i)
    expect(page.effects('settle')).toHaveLength(50)
  })

  it('holds no more of what is set the longer it goes on', () => {
    const page = open()
    const sizes = [50, 100].map((count) => {
      for (let i = 0; i < count; i += 1) {
        page.update('division', (value) => Number(value) + 1)
        page.take(100 + count + i)
      }
      return page.page.fields.get('division')?.changes.length ?? 0
    })
    expect(sizes[1]).toBe(sizes[0])
    expect(page.get('division')).toBe(149)
  })
})

describe('a page whose connection never comes with the cookie that each POST brings', () => {
  it('is called cookies_blocked after some questions, and goes on so', () => {
    const page = BarePage.greeted(NAMELESS, null)
    page.set('division', 3)
    for (let i = 0; i < 20; i += 1) {
      page.told({ ...THE_GUEST })
      page.time('link')
      page.comeBack(NAMELESS)
    }
    expect([page.status('division'), page.settled, page.post()]).toEqual([
      'cookies_blocked',
      ['3 cookies_blocked'],
      undefined,
    ])
  })
})

describe('a first visit', () => {
  it('whose HTML has brought the cookie shows it by the connection, and asks nothing', () => {
    const page = new BarePage(NEW_GUEST)
    page.on('begin')
    page.on('connect')
    page.greet()
    page.set('division', 3)
    const ticket = page.take(10)
    expect(page.answer()).toEqual({ who: 'g', tickets: [ticket] })
    expect([page.settled, page.post()]).toEqual([['3 saved'], undefined])
  })

  it('without a socket asks once, and then POSTs what was set', () => {
    const page = new BarePage(NEW_GUEST, false)
    page.on('begin')
    expect(page.post()).toBeUndefined()
    page.set('division', 3)
    expect(page.told(THE_GUEST)).toEqual({})
    expect(page.answer({ stamp: 10 })).toEqual({ who: 'g', set: [['division', 0, '', 3]] })
    expect([page.settled, page.post()]).toEqual([['3 saved'], undefined])
  })

  it('of a static page asks until an answer is to a request with the cookie, and POSTs only then', () => {
    const page = new BarePage(null, false)
    page.on('begin')
    page.set('division', 3)
    expect(page.told({ who: 'g', guest: true })).toEqual({})
    expect([page.page.isReady, page.settled]).toEqual([true, []])
    expect(page.told(THE_GUEST)).toEqual({})
    expect(page.answer({ stamp: 10 })?.set).toEqual([['division', 0, '', 3]])
    expect(page.settled).toEqual(['3 saved'])
  })

  it('is not taken for one without cookies where one was lost twice, and had come back between', () => {
    const page = new BarePage(null)
    page.on('begin')
    page.on('connect')
    page.greet(NAMELESS)
    for (const who of ['h', 'i']) {
      expect(page.told({ who, guest: true })).toEqual({})
      page.comeBack({ ...THE_GUEST, who })
      page.comeBack(NAMELESS)
    }
    page.set('division', 3)
    expect(page.status('division')).toBe('saving')
  })

  it('is not taken for one without cookies by what other tabs are answered', () => {
    const page = new BarePage(NEW_GUEST, false)
    page.set('division', 3)
    page.post()
    for (const _ of ['second', 'third', 'fourth tab']) page.on('news', { who: 'g', tickets: [], held: [] })
    expect([page.status('division'), page.settled]).toEqual(['saving', []])
  })
})

describe('a page without a socket that keeps no cookies', () => {
  it.each<[string, ConstructorParameters<typeof BarePage>[0], Visitor]>([
    ['a page of its own', NEW_GUEST, { who: 'h', guest: true }],
    ['a visitor who has not agreed', { guest: true, values: {}, defaults: {}, stamps: {} }, NAMELESS],
    ['a static page', null, { who: 'g', guest: true }],
    ['plain values', { division: 1 }, { who: 'g', guest: true }],
    ['a user’s', { ...NEW_GUEST, who: 'ann' }, { who: 'ann' }],
  ])('says so after two questions at the most, and shows what was set: %s', (_, initial, visitor) => {
    const page = new BarePage(initial, false)
    page.on('begin')
    page.set('division', 3)
    let asked = 0
    while (asked < 9 && page.told(visitor)) asked += 1
    expect([asked <= 2, page.get('division'), page.status('division')]).toEqual([true, 3, 'cookies_blocked'])
    page.set('cart', ['a'])
    expect([page.get('cart'), page.settled, page.post()]).toEqual([
      ['a'],
      ['3 cookies_blocked', 'a cookies_blocked'],
      undefined,
    ])
  })

  it('hears of a cookie that is gone from an answer, and asks', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.answer({ dropped: true })
    inVain(page, NAMELESS)
    expect([page.get('division'), page.status('division'), page.did('visitor')]).toEqual([3, 'cookies_blocked', false])
  })
})

describe('a visitor who agrees no more to be remembered', () => {
  it('is another guest from then on', () => {
    const page = BarePage.greeted()
    page.disconnect()
    page.set('division', 3)
    page.on('connect')
    page.greet(NAMELESS)
    page.told(NAMELESS)
    page.comeBack(NAMELESS)
    expect([page.did('visitor'), page.get('division'), page.settled]).toEqual([true, -1, ['3 cookies_blocked']])
  })

  it('is a user: what is set over a connection that is hers goes over it', () => {
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

  it('and is a user leaves nothing to the guest who comes next', () => {
    const { guest: _, ...known } = NEW_GUEST
    const page = new BarePage({ ...known, who: 'ann' })
    page.on('connect')
    page.greet({ who: 'ann' })
    page.told({ who: 'ann' })
    page.comeBack({ who: 'ann' })
    page.told({ who: 'ann' })
    page.comeBack({ who: 'ann' })
    page.set('division', 3)
    page.take(10)
    page.comeBack(NAMELESS)
    expect([page.get('division'), page.effects('visitor')]).toEqual([-1, [['visitor', { kind: 'guest' }]]])
  })
})
