import { describe, expect, it } from '@jest/globals'
import { BarePage, GUEST, OF_GUEST, OF_STRANGER } from '../support/bare-page.js'

/** Whether the page has asked for its turn to POST. */
const isQueued = (page: BarePage): boolean => page.state.posting.is === 'queued'

describe('a POST', () => {
  it('says whose page it is, and brings what the socket could not', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.set('cart')
    expect(page.post()).toEqual({
      subject: 'g',
      set: [
        ['division', 0, 3],
        ['cart', 0],
      ],
    })
  })

  it('goes over that alone which the page knows, and again over what it is refused for', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.set('cart', ['a'])
    const overtaken = { code: 'superseded', key: 'division', stamp: 10, value: 9 } as const
    expect(page.fail({ status: 409, error: overtaken })?.set).toEqual([
      ['division', 0, 3],
      ['cart', 0, ['a']],
    ])
    expect([page.settled, page.get('division'), page.status('division')]).toEqual([[], 3, 'saving'])
    const held = [
      ['division', 11],
      ['cart', 11],
    ] as const
    expect(page.answer({ stamp: 11, held })?.set).toEqual([
      ['division', 10, 3],
      ['cart', 0, ['a']],
    ])
    expect([page.settled, page.get('division')]).toEqual([['3 saved', 'a saved'], 3])
  })

  it('gives way where others were faster twice: what they have written is the later one by then', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.fail({ status: 409, error: { code: 'superseded', key: 'division', stamp: 10, value: 9 } })
    page.fail({ status: 409, error: { code: 'superseded', key: 'division', stamp: 11, value: 8 } })
    expect([page.settled, page.get('division'), page.post()]).toEqual([['3 superseded'], 8, undefined])
  })

  it('gives way to what it is refused for where it may have arrived before', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.fail()
    page.fail({ status: 409, error: { code: 'superseded', key: 'division', stamp: 10, value: 9 } })
    expect([page.settled, page.get('division'), page.post()]).toEqual([['3 superseded'], 9, undefined])
  })

  it('is made once more to see whether the cookie has kept it', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.answer({ stamp: 10 })
    expect([page.status('division'), page.post()]).toEqual(['saving', { subject: 'g' }])
    page.answer({ held: [['division', 10]] })
    expect([page.status('division'), page.settled, page.post()]).toEqual(['saved', ['3 saved'], undefined])
  })

  it('brings no more than fits, and the rest comes with the next', () => {
    const page = BarePage.greeted()
    const long = 'x'.repeat(20_000)
    for (const key of ['a', 'b', 'c']) page.learn([key, 10, long])
    expect(page.answer({ held: [['a', 10]] })?.tickets).toHaveLength(1)
    expect(page.post()?.tickets).toHaveLength(1)
  })

  it('brings no more changes than fit, by their bytes, and first of all those', () => {
    const page = BarePage.greeted()
    page.learn(['a', 10, 'x'.repeat(20_000)])
    page.on('disconnect')
    page.set('cart', ['\u00e9'.repeat(15_000)])
    page.set('division', 3)
    page.set('theme', '\u00e9'.repeat(15_000))
    const first = page.answer({
      stamp: 11,
      held: [
        ['cart', 11],
        ['division', 11],
      ],
    })
    expect([first?.set?.map(([key]) => key), first?.tickets]).toEqual([['division', 'cart'], undefined])
    expect(page.post()?.set?.map(([key]) => key)).toEqual(['theme'])
  })

  it('for a change that is too large alone gives up that one, and nothing that waits behind it', () => {
    const page = BarePage.greeted()
    page.learn(['theme', 10, 'dark'])
    page.on('disconnect')
    page.set('cart', ['x'.repeat(70_000)])
    page.set('division', 7)
    expect(page.answer({ stamp: 11, held: [['division', 11]] })?.set).toEqual([['division', 0, 7]])
    expect(page.fail({ status: 413, error: { code: 'too_large' } })?.set?.map(([key]) => key)).toEqual(['cart'])
    expect([page.status('cart'), page.status('division'), page.status('theme')]).toEqual([
      'too_large',
      'saved',
      'saving',
    ])
    expect(page.post()).toEqual({ subject: 'g', tickets: [expect.any(String)] })
  })

  it('that asks whose the page is, and is refused, gives up nothing that is under way over the socket', () => {
    const page = BarePage.greeted(OF_STRANGER, null)
    page.fail()
    page.time('greet')
    page.set('division', 3)
    expect(page.did('send')).toBe(true)
    expect(page.fail({ status: 403, error: { code: 'bad_origin' } })).toEqual({})
    page.acknowledge('division', 12)
    expect([page.settled, page.status('division')]).toEqual([[], 'saving'])
  })

  it('with news waits for 250 ms after another, and one without does not', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.learn(['division', 10, 3])
    page.acknowledge('division', 10)
    page.on('turn')
    page.on('posted', { status: 200, wait: 0, answer: { stored: 1, stale: 0, held: [] } })
    expect(isQueued(page)).toBe(true)
    page.on('turn')
    page.on('posted', { status: 200, wait: 0, answer: { stored: 0, stale: 1, held: [['division', 10]] } })
    page.set('division', 4)
    page.learn(['division', 11, 4])
    page.acknowledge('division', 11)
    expect([isQueued(page), page.effects('timer')]).toEqual([
      false,
      expect.arrayContaining([['timer', 'space', 250, 0]]),
    ])
    page.on('timer', 'space')
    expect(isQueued(page)).toBe(true)
  })

  it('of a tab that has only heard of a change waits a moment, as the one that has made it is first', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 3])
    expect([isQueued(page), page.effects('timer')]).toEqual([false, [['timer', 'lead', 50, 50]]])
    page.on('timer', 'lead')
    expect(isQueued(page)).toBe(true)
  })

  it('is not made where another tab has done it all meanwhile', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 3])
    page.on('timer', 'lead')
    page.on('news', { browser: 'g', tickets: [], held: [['division', 10]] })
    page.effects()
    page.on('turn')
    expect([page.effects('release', 'post'), page.state.posting.is]).toEqual([[['release']], 'idle'])
  })

  it('tells the other tabs what came of it', () => {
    const page = BarePage.greeted()
    const ticket = page.learn(['division', 10, 3])
    page.effects()
    page.answer({ held: [['division', 10]] })
    expect(page.effects('tell')).toEqual([['tell', { browser: 'g', tickets: [ticket, ''], held: [['division', 10]] }]])
  })
})

describe('a POST that fails', () => {
  it('is made again, later each time, and what was in it says what was known then', () => {
    const page = new BarePage()
    page.set('division', 3)
    const waits: unknown[] = []
    for (let count = 0; count < 9; count += 1) {
      page.fail()
      waits.push(page.effects('timer').find(([, name]) => name === 'post')?.[2])
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
    expect([page.status('division'), page.post()?.set]).toEqual(['offline', [['division', 0, 3]]])
  })

  it('as the server is busy waits for as long as that says, and is no loss', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.fail({ status: 429, wait: 7000, error: { code: 'rate_limited' } })
    expect(page.effects('timer')).toContainEqual(['timer', 'post', 7000, 250])
    expect([page.status('division'), page.post()?.set]).toEqual(['saving', [['division', 0, 3]]])
  })

  it('is made at once where the socket connects, the network is back, or the page is told to flush', () => {
    for (const event of [['connect'], ['wake'], ['flush']] as const) {
      const page = BarePage.greeted()
      page.learn(['division', 10, 3])
      page.fail()
      page.on(...event)
      if (event[0] === 'connect') page.hear(OF_GUEST)
      expect([event, isQueued(page) || page.state.timers.has('lead')]).toEqual([event, true])
    }
  })

  it('is told of where another program has answered', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.fail({ status: 404 })
    expect([page.effects('warn'), page.status('division')]).toEqual([[['warn', 404]], 'offline'])
  })

  it('for one change refuses that, and the others go out again', () => {
    const page = new BarePage()
    page.set('division', 9)
    page.set('cart', ['a'])
    page.fail({ status: 400, error: { code: 'invalid_value', key: 'division', message: 'too large' } })
    expect(page.effects('settle')).toEqual([
      ['settle', [1], 'division', expect.objectContaining({ message: 'too large' })],
    ])
    expect([page.get('division'), page.post()?.set]).toEqual([-1, [['cart', 0, ['a']]]])
  })

  it('for the page as a whole gives everything up, and goes back to what was there', () => {
    const page = BarePage.greeted()
    page.learn(['division', 9, 4])
    page.answer({ held: [['division', 9]] })
    page.learn(['cart', 10, ['a']])
    page.on('disconnect')
    page.set('division', 5)
    page.fail({ status: 403, error: { code: 'bad_origin' } })
    expect([page.get('division'), page.get('cart'), page.settled]).toEqual([4, ['a'], ['5 bad_origin']])
    expect([page.status('division'), page.status('cart'), page.post()]).toEqual(['bad_origin', 'bad_origin', undefined])
  })
})

describe('a change that no cookie comes back with', () => {
  it('is cookies_blocked after two good answers, and still shown; a flush tries again', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.acknowledge('division', 10)
    page.learn(['division', 10, 3])
    let answers = 0
    while (page.answer() && answers < 9) answers += 1
    expect([answers, page.status('division'), page.get('division')]).toEqual([2, 'cookies_blocked', 3])
    expect(page.settled).toEqual(['3 cookies_blocked'])
    page.on('flush')
    expect([page.status('division'), page.post()?.tickets]).toEqual(['saving', [expect.any(String)]])
    page.answer({ held: [['division', 10]] })
    expect(page.status('division')).toBe('saved')
  })

  it('is said to be none by no answers to other tabs, which have POSTed before this one’s cookie was there', () => {
    const page = BarePage.greeted()
    const tickets = [page.learn(['division', 10, 3])]
    page.post()
    for (const _ of ['second', 'third', 'fourth tab']) page.on('news', { browser: 'g', tickets, held: [] })
    page.answer()
    expect(page.status('division')).toBe('saving')
    page.answer({ held: [['division', 10]] })
    expect(page.status('division')).toBe('saved')
  })

  it('is so, too, where the server’s acknowledgement comes after those answers', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.learn(['division', 10, 3])
    while (page.answer());
    page.acknowledge('division', 10)
    while (page.answer());
    expect([page.settled, page.status('division')]).toEqual([['3 cookies_blocked'], 'cookies_blocked'])
  })

  it('is so, too, where only the page’s HTML has shown it', () => {
    const page = new BarePage(
      { ...GUEST, values: { division: 4 }, stamps: { division: 10 }, unsaved: ['division'] },
      false,
    )
    page.on('begin')
    let answers = 0
    while (page.answer() && answers < 9) answers += 1
    expect([answers, page.status('division'), page.get('division')]).toEqual([2, 'cookies_blocked', 4])
  })

  it('is store_unavailable where the server says that none will', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.acknowledge('division', 10)
    page.learn(['division', 10, 3])
    page.answer({ unsaved: ['division'] })
    expect([page.status('division'), page.get('division'), page.post()]).toEqual(['store_unavailable', 3, undefined])
  })

  it('is tried again where the server says once more what it had no store for', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 3])
    page.answer({ unsaved: ['division'] })
    expect(page.status('division')).toBe('store_unavailable')
    const again = page.hear({ jti: 'a', changes: [['division', 10, 3]] })
    expect([page.status('division'), page.answer({ held: [['division', 10]] })?.tickets]).toEqual(['saving', [again]])
    expect(page.status('division')).toBe('saved')
  })

  it('is tried again where that has overtaken the answer that says so', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 3])
    page.post()
    const again = page.hear({ jti: 'a', changes: [['division', 10, 3]] })
    page.answer({ unsaved: ['division'] })
    expect([page.status('division'), page.post()?.tickets]).toEqual(['saving', [again]])
  })

  it('asks for nothing where what is said once more is saved', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 3])
    page.answer({ held: [['division', 10]] })
    page.hear({ jti: 'a', changes: [['division', 10, 3]] })
    expect([page.status('division'), page.post()]).toEqual(['saved', undefined])
  })

  it('is tried again with the next ticket', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 1])
    page.fail({ status: 403, error: { code: 'bad_ticket', index: 0 } })
    expect([page.status('division'), page.post()]).toEqual(['bad_ticket', undefined])
    const next = page.learn(['division', 11, 2])
    expect([page.status('division'), page.post()?.tickets]).toEqual(['saving', [next]])
  })
})
