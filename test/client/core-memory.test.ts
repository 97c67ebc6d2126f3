import { describe, expect, it } from '@jest/globals'
import { BarePage, type BareSnapshot, GUEST, OF_GUEST, OF_STRANGER } from '../support/bare-page.js'
import { type BareClaims, bareTicket } from '../support/bare-ticket.js'

const YOUNG: BareSnapshot = { ...GUEST, young: 'guest' }
const OF_YOUNG: BareClaims = { ...OF_GUEST, young: 'guest' }
const DENIED: BareSnapshot = { subject: 'request', young: 'guest', epoch: 0, values: {}, defaults: {}, stamps: {} }

/** The page asks and is answered; its connection comes back without a cookie all the same. */
function ask(page: BarePage, claims: BareClaims, cookieless?: true): void {
  page.answer({ ticket: bareTicket({ defaults: {}, ...claims }), ...(cookieless && { cookieless }) })
  if (page.did('reconnect')) page.comeBack()
}

/** A page of a browser that keeps no cookies, which has set something. */
function blocked(): BarePage {
  const page = new BarePage(YOUNG)
  page.set('division', 3)
  page.on('connect')
  page.hear(OF_STRANGER)
  ask(page, { sub: 'h', browser: 'h', young: 'guest' }, true)
  ask(page, { sub: 'i', browser: 'i', young: 'guest' }, true)
  page.told()
  return page
}

/** A page of a visitor who has not agreed to be remembered, which has set something. */
function denied(): BarePage {
  const page = new BarePage(DENIED)
  page.set('division', 3)
  page.on('connect')
  page.hear(OF_STRANGER)
  ask(page, OF_STRANGER, true)
  return page
}

describe.each([
  ['keeps no cookies', blocked, (page: BarePage) => page.told()],
  // No cookie was to come back.
  ['is not agreed to be remembered', denied, () => undefined],
])('a page whose browser %s', (_, open, isAnswered) => {
  it('shows what was set, sends it over the socket, and calls it cookies_blocked', () => {
    const page = open()
    expect([page.is, page.get('division'), page.sent()]).toEqual(['memory', 3, [['division', -1, 3]]])
    page.acknowledge('division', 10)
    expect([page.get('division'), page.status('division'), page.settled]).toEqual([
      3,
      'cookies_blocked',
      ['3 cookies_blocked'],
    ])
  })

  it('asks and POSTs no more', () => {
    const page = open()
    page.acknowledge('division', 10)
    expect([page.post(), page.did('reconnect')]).toEqual([undefined, false])
    page.comeBack()
    isAnswered(page)
    expect([page.is, page.post()]).toEqual(['memory', undefined])
  })

  it('goes on with the next connection, and calls none another visitor', () => {
    const page = open()
    page.acknowledge('division', 10)
    page.sent()
    page.comeBack({ ...OF_STRANGER, sub: 'next' })
    isAnswered(page)
    expect([page.get('division'), page.sent(), page.did('visitor')]).toEqual([3, [['division', -1, 3]], false])
  })

  it('saves it, made anew, once the browser keeps a cookie and the page is told to flush', () => {
    const page = open()
    page.acknowledge('division', 10)
    page.sent()
    page.on('flush')
    expect(page.post()).toEqual({})
    page.answer({ ticket: bareTicket({ ...OF_YOUNG }), cookieless: true })
    expect(page.did('reconnect')).toBe(true)
    page.comeBack(OF_YOUNG)
    expect([page.is, page.sent()]).toEqual(['known', [['division', -1, 3]]])
    page.acknowledge('division', 12)
    page.learn(['division', 12, 3])
    page.answer({ held: [['division', 12]] })
    expect(page.status('division')).toBe('saved')
  })

  it('rejects at once what is set while the connection is down, and sends it with the next', () => {
    const page = open()
    page.acknowledge('division', 10)
    page.on('disconnect')
    page.sent()
    page.set('division', 4)
    expect([page.get('division'), page.status('division'), page.settled.at(-1)]).toEqual([
      4,
      'cookies_blocked',
      '4 cookies_blocked',
    ])
    page.on('connect')
    page.hear(OF_STRANGER)
    isAnswered(page)
    expect(page.sent()).toEqual([['division', -1, 4]])
  })

  it('is left by the news of another tab', () => {
    const page = open()
    page.on('news', { browser: 'g', young: 'guest', tickets: [], held: [] })
    page.time('link')
    expect([page.is, page.did('reconnect')]).toEqual(['asked', true])
    page.comeBack(OF_YOUNG)
    expect([page.is, page.get('division')]).toEqual(['known', 3])
  })

  it('asks once more at a flush, and no more where nothing has changed', () => {
    const page = open()
    page.acknowledge('division', 10)
    page.on('flush')
    for (let count = 0; page.post(); count += 1) {
      expect(count).toBeLessThan(2)
      page.answer({ ticket: bareTicket({ ...OF_STRANGER }), cookieless: true })
      if (page.did('reconnect')) page.comeBack()
    }
    expect(page.is).toBe('memory')
  })
})

describe('a page whose browser keeps cookies', () => {
  it('is not taken for one that keeps none where guests have left who had those that did not come back', () => {
    const page = blocked()
    page.acknowledge('division', 10)
    page.effects()
    page.comeBack()
    expect(page.told(true)).toEqual({ subject: 'i' })
    expect(page.post()).toEqual({})
    page.answer({ ticket: bareTicket({ ...OF_YOUNG, defaults: {} }), cookieless: true })
    page.comeBack(OF_YOUNG)
    expect([page.is, page.get('division'), page.sent(), page.did('visitor')]).toEqual(['known', -1, [], true])
  })

  it('asks of the id that did not come back besides those that it has to ask of', () => {
    const page = new BarePage(YOUNG)
    page.set('division', 3)
    page.on('connect')
    page.hear({ sub: 'h', browser: 'h', young: 'guest', defaults: {} })
    const nameless: BareClaims = { sub: 'h', defaults: {} }
    page.comeBack(nameless)
    for (const browser of ['h', 'h']) {
      page.answer({ ticket: bareTicket({ sub: 'h', browser, defaults: {} }), cookieless: true })
      page.comeBack(nameless)
    }
    page.comeBack(nameless)
    expect([page.is, page.told(), page.told(), page.post()]).toEqual([
      'memory',
      { subject: 'g' },
      { subject: 'h' },
      undefined,
    ])
    expect(page.sent()).toEqual([['division', -1, 3]])
  })

  it('is not taken for one that keeps none where a cookie was lost twice, and had come back between', () => {
    const page = new BarePage(YOUNG)
    page.on('connect')
    page.hear(OF_STRANGER)
    for (const browser of ['h', 'i']) {
      page.answer({ ticket: bareTicket({ defaults: {}, sub: browser, browser, young: 'guest' }), cookieless: true })
      expect(page.is).toBe('asked')
      page.comeBack({ sub: browser, browser, young: 'guest', defaults: {} })
      page.comeBack()
    }
  })

  it('is not taken for one that keeps none where POSTs have shown it between, without a socket', () => {
    const page = new BarePage(null, false)
    page.on('begin')
    for (const browser of ['h', 'i']) {
      page.answer({ ticket: bareTicket({ defaults: {}, sub: browser, browser, young: 'guest' }), cookieless: true })
      expect(page.is).toBe('known')
      page.set('division', 3)
      page.answer({ stamp: 10, ticket: bareTicket({ sub: browser, changes: [['division', 10, 3]] }) })
      page.fail({ status: 403, error: { code: 'cookies_blocked' } })
    }
  })
})

describe('a page whose visitor agrees no more to be remembered', () => {
  const SAME = { sub: 'g', defaults: GUEST.defaults } as const

  it('is the same visitor’s, and keeps what it has, with a socket', () => {
    const page = BarePage.greeted()
    page.on('disconnect')
    page.set('division', 3)
    page.on('connect')
    page.hear(SAME)
    page.answer({ ticket: bareTicket(SAME) })
    page.comeBack(SAME)
    expect([page.is, page.did('visitor'), page.get('division')]).toEqual(['memory', false, 3])
    expect([page.settled, page.sent()]).toEqual([['3 cookies_blocked'], [['division', -1, 3]]])
  })

  it('is young again, where the server says so, after the server has sent it back', () => {
    const page = BarePage.greeted(OF_YOUNG, YOUNG)
    page.on('reconnect')
    page.comeBack({ ...SAME, young: 'guest' })
    page.answer({ ticket: bareTicket({ ...SAME, young: 'guest' }) })
    page.comeBack({ ...SAME, young: 'guest' })
    page.set('division', 3)
    page.sent()
    page.comeBack({ ...OF_STRANGER, sub: 'h', browser: 'h', young: 'guest' })
    expect([page.is, page.did('visitor'), page.sent()]).toEqual(['known', false, [['division', -1, 3]]])
  })

  it('is the same user’s under whatever id comes with another consent', () => {
    const ann = { sub: 'ann', defaults: GUEST.defaults }
    const page = BarePage.greeted({ ...ann, browser: 'g' }, { ...GUEST, subject: 'ann' })
    page.comeBack(ann)
    page.answer({ ticket: bareTicket(ann) })
    page.comeBack(ann)
    page.set('division', 3)
    page.sent()
    page.comeBack({ ...ann, browser: 'h', young: 'ann' })
    expect([page.is, page.did('visitor'), page.sent()]).toEqual(['known', false, [['division', -1, 3]]])
  })

  it('sends what may have arrived over that alone which it knew', () => {
    const ann = { sub: 'ann', defaults: GUEST.defaults }
    const page = BarePage.greeted(
      { ...ann, browser: 'g', changes: [['cart', 10, ['a']]] },
      { ...GUEST, subject: 'ann' },
    )
    page.on('disconnect')
    page.update('cart', (cart) => [...(cart as string[]), 'b'])
    page.set('division', 3)
    page.on('leave')
    page.on('return')
    page.comeBack(ann)
    page.answer({ ticket: bareTicket(ann) })
    page.comeBack(ann)
    expect([page.is, page.sent()]).toEqual([
      'memory',
      [
        ['division', 0, 3],
        ['cart', 10, ['a', 'b']],
      ],
    ])
    page.on('answer', 'cart', { ok: false, code: 'superseded', stamp: 12, value: ['a', 'x'] })
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'x'], []])
  })

  it('sends over nothing that came later what was acknowledged, and never seen in the cookie', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.acknowledge('division', 10)
    page.sent()
    page.comeBack(SAME)
    page.answer({ ticket: bareTicket(SAME) })
    page.comeBack(SAME)
    expect([page.is, page.sent()]).toEqual(['memory', [['division', 10, 3]]])
  })

  it('is the same visitor’s, and keeps what it has, without a socket', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.fail({ status: 403, error: { code: 'cookies_blocked' } })
    page.answer({ ticket: bareTicket(SAME), cookieless: true })
    expect([page.is, page.did('visitor'), page.get('division')]).toEqual(['memory', false, 3])
    expect(page.settled).toEqual(['3 cookies_blocked'])
  })

  it('is another’s all the same where the epoch is another', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.fail({ status: 403, error: { code: 'cookies_blocked' } })
    page.answer({ ticket: bareTicket({ ...SAME, epoch: 1 }), cookieless: true })
    expect([page.did('visitor'), page.settled]).toEqual([true, ['3 superseded']])
  })
})

describe('a page that keeps no cookies', () => {
  it('calls what a handler has written what it is, and would not set it as its own', () => {
    const page = denied()
    page.hear({ sub: 'temporary', changes: [['role', 10, 'admin']] })
    expect([page.get('role'), page.status('role')]).toEqual(['admin', 'cookies_blocked'])
    page.acknowledge('division', 10)
    page.on('flush')
    page.post()
    page.answer({ ticket: bareTicket({ ...OF_YOUNG }), cookieless: true })
    page.sent()
    page.comeBack(OF_YOUNG)
    expect(page.sent()).toEqual([['division', -1, 3]])
  })

  it('and is a user’s leaves nothing to the guest who comes next', () => {
    const page = new BarePage({ ...DENIED, subject: 'ann', young: 'ann' })
    page.set('division', 3)
    page.on('connect')
    page.hear({ ...OF_STRANGER, sub: 'ann', young: 'ann' })
    ask(page, { sub: 'ann', young: 'ann' }, true)
    page.acknowledge('division', 10)
    page.comeBack()
    expect([page.get('division'), page.did('visitor')]).toEqual([-1, true])
  })

  it.each([
    ['a page of its own', YOUNG, { sub: 'h', browser: 'h', young: 'guest' }],
    ['a visitor who has not agreed', DENIED, OF_STRANGER],
    ['a static page', null, OF_STRANGER],
  ] as const)('without a socket says so after its questions, and shows what was set: %s', (_, initial, claims) => {
    const page = new BarePage(initial, false)
    page.on('begin')
    page.set('division', 3)
    for (let count = 0; count < 8 && page.is !== 'memory'; count += 1) {
      const body = page.post()
      if (!body) break
      const ticket = bareTicket({ defaults: {}, ...claims })
      if (body.subject) page.on('posted', { status: 403, wait: 0, error: { code: 'cookies_blocked' } })
      else page.answer({ ticket, cookieless: true })
    }
    expect([page.is, page.get('division'), page.status('division')]).toEqual(['memory', 3, 'cookies_blocked'])
    page.set('cart', ['a'])
    expect([page.get('cart'), page.settled]).toEqual([['a'], ['3 cookies_blocked', 'a cookies_blocked']])
    expect(page.post()).toBeUndefined()
  })
})

describe('a page that is asked again and again', () => {
  it('asks at longer and longer intervals, and ends with no cookie', () => {
    const page = new BarePage()
    page.on('connect')
    page.hear(OF_STRANGER)
    let asks = 0
    let waits = 0
    while (page.is !== 'memory' && asks < 50) {
      if (page.state.timers.has('post') || page.state.timers.has('link')) waits += 1
      if (page.post()) asks += 1
      page.on('posted', {
        status: 200,
        wait: 0,
        answer: { stored: 0, stale: 0, held: [], ticket: bareTicket({ ...OF_GUEST }) },
      })
      page.time('link')
      page.comeBack()
    }
    expect(asks).toBeLessThan(8)
    expect(waits).toBeGreaterThan(0)
  })

  it('settles what is set where no connection ever came with the cookie, and sends it over the next', () => {
    const page = new BarePage(YOUNG)
    page.on('connect')
    page.hear(OF_STRANGER)
    for (let count = 0; count < 40 && page.is !== 'memory'; count += 1) {
      page.answer({ ticket: bareTicket({ ...OF_GUEST }) })
      page.time('link')
      if (page.did('reconnect')) page.comeBack()
    }
    for (const name of ['greet', 'calm'] as const) page.time(name)
    page.set('division', 3)
    expect([page.is, page.settled, page.sent()]).toEqual(['memory', ['3 cookies_blocked'], []])
    page.time('link')
    expect(page.did('reconnect')).toBe(true)
    page.comeBack()
    expect([page.sent(), page.post(), page.did('reconnect')]).toEqual([[['division', -1, 3]], undefined, false])
  })

  it('settles what is set where its last connection was refused, and connects again', () => {
    const page = new BarePage()
    for (let count = 0; count < 40 && page.is !== 'memory'; count += 1) {
      page.time('link')
      page.on('refused', 'other_subject')
      page.answer({ ticket: bareTicket({ ...OF_GUEST }) })
    }
    page.set('division', 3)
    page.effects('reconnect')
    page.time('link')
    expect([page.is, page.settled, page.did('reconnect')]).toEqual(['memory', ['3 cookies_blocked'], true])
  })

  it('settles what is set where the next connection never says whose it is', () => {
    const page = blocked()
    page.acknowledge('division', 10)
    page.on('disconnect')
    page.on('connect')
    page.set('cart', ['a'])
    expect(page.settled).toEqual(['3 cookies_blocked'])
    page.time('greet')
    expect([page.settled.at(-1), page.status('cart')]).toEqual(['a cookies_blocked', 'cookies_blocked'])
  })

  it('reconnects later each time where its POSTs are refused and its connections are not', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 1])
    const waits: number[] = []
    for (let count = 0; count < 10; count += 1) {
      page.fail({ status: 403, error: { code: 'other_subject' } })
      const [, , ms = 0] = page.effects('timer').find(([, name]) => name === 'link') ?? []
      waits.push(Number(ms))
      page.time('link')
      page.comeBack(OF_GUEST)
    }
    expect(waits.slice(0, 6)).toEqual([0, 0, 0, 0, 0, 0])
    expect(waits.slice(6)).toEqual([500, 1000, 2000, 4000])
  })
})
