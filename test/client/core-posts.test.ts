import { describe, expect, it } from '@jest/globals'
import { BarePage, GUEST, greetingOf, THE_GUEST } from '../support/page/bare-page.js'

describe('a POST', () => {
  it('rejects a superseded change whose first attempt may have arrived', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.failPost()
    page.answerPost({ results: [{ code: 'superseded', stamp: 10, value: 9 }] })
    expect([page.settled, page.get('division'), page.post()?.set]).toEqual([['3 superseded'], 9, undefined])
  })

  it('brings every ticket the cookie lacks', () => {
    const page = BarePage.greeted()
    const ticket = page.receiveChanges(['cart', 10, ['a']])
    page.answerPost()
    page.on('disconnect')
    page.set('division', 3)
    expect(page.post()?.tickets).toEqual([ticket])
  })

  it('leaves tickets beyond its size limit to the next POST', () => {
    const page = BarePage.greeted()
    const long = 'x'.repeat(20_000)
    for (const key of ['a', 'b', 'c']) page.receiveChanges([key, 10, long])
    expect(page.answerPost({ persisted: [['a', 10]] })?.tickets).toHaveLength(1)
    expect(page.post()?.tickets).toHaveLength(1)
  })

  it('sends changes up to a byte limit, before any tickets', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['a', 10, 'x'.repeat(20_000)])
    page.on('disconnect')
    page.set('cart', ['\u00e9'.repeat(15_000)])
    page.set('division', 3)
    page.set('theme', '\u00e9'.repeat(15_000))
    const first = page.answerPost({ stamp: 11 })
    expect([first?.set?.map(([key]) => key), first?.tickets]).toEqual([['division', 'cart'], undefined])
    expect(page.post()?.set?.map(([key]) => key)).toEqual(['theme'])
  })

  it('rejects only the change that is too large', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['theme', 10, 'dark'])
    page.on('disconnect')
    page.set('cart', ['x'.repeat(70_000)])
    page.set('division', 7)
    expect(page.answerPost({ stamp: 11 })?.set).toEqual([['division', 0, '', 7]])
    expect(page.failPost({ error: { code: 'too_large' } })?.set?.map(([key]) => key)).toEqual(['cart'])
    expect([page.status('cart'), page.status('division'), page.status('theme')]).toEqual([
      'too_large',
      'saved',
      'saved',
    ])
    expect(page.post()).toBeUndefined()
  })

  it('keeps the socket’s changes in flight when its question is refused', () => {
    const page = new BarePage(null)
    page.on('connect')
    page.greet({ guest: true })
    page.set('division', 3)
    page.effects()
    expect(page.failPost({ error: { code: 'bad_origin' } })).toEqual({})
    page.accept(12)
    expect(page.get('division')).toBe(3)
  })

  it('waits a third of a second after the previous POST', () => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.accept(10)
    page.on('lock')
    expect(page.effects('timer')).toContainEqual(['timer', 'postPause', 334, 0])
    page.on('posted', { wait: 0, answer: { results: [], persisted: [], hasCookie: true } })
    page.set('division', 4)
    page.accept(11)
    expect(page.page.isQueued).toBe(false)
    page.on('timer', 'postPause')
    expect(page.page.isQueued).toBe(true)
  })
})

describe('a failed POST', () => {
  it('retries with exponential backoff and the original base stamp', () => {
    const page = new BarePage()
    page.set('division', 3)
    const waits: unknown[] = []
    for (let count = 0; count < 9; count += 1) {
      page.post()
      page.effects()
      page.on('posted', { wait: 0 })
      waits.push(page.effects('timer').find(([, name]) => name === 'postPause')?.[2])
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
    expect([page.status('division'), page.post()?.set]).toEqual(['offline', [['division', 0, '', 3]]])
  })

  it('waits for Retry-After on 429', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.failPost({ wait: 7000, error: { code: 'rate_limited' } })
    expect(page.effects('timer')).toContainEqual(['timer', 'postPause', 7000, 250])
    expect([page.status('division'), page.post()?.set]).toEqual(['saving', [['division', 0, '', 3]]])
  })

  it('waits a minute at most for Retry-After', () => {
    const page = new BarePage()
    page.set('division', 3)
    page.failPost({ wait: 3_600_000 })
    expect(page.effects('timer')).toContainEqual(['timer', 'postPause', 60_000, 250])
  })

  it('retries immediately on connect, wake and flush', () => {
    for (const event of [['connect'], ['wake'], ['flush']] as const) {
      const page = BarePage.greeted()
      page.receiveChanges(['division', 10, 3])
      page.failPost()
      page.on(...event)
      if (event[0] === 'connect') page.greet()
      expect([event, page.page.isQueued]).toEqual([event, true])
    }
  })

  it('retries a rate-limited change after a second', () => {
    const page = new BarePage(GUEST, false)
    page.set('division', 3)
    page.answerPost({ results: [{ code: 'rate_limited' }] } as never)
    expect(page.effects('timer').map((timer) => timer.slice(0, 3))).toContainEqual(['timer', 'postPause', 1000])
    expect(page.answerPost({ stamp: 9 })).toMatchObject({ set: [['division', 0, '', 3]] })
    expect(page.settled).toEqual(['3 saved'])
  })

  it('is followed by a new ticket, not by a large unsaved ticket', () => {
    const page = BarePage.greeted()
    const large = page.receiveChanges(['cart', 9, 'x'.repeat(21_000)])
    page.answerPost({ unsaved: ['cart'] })
    const small = page.receiveChanges(['division', 10, 3])
    expect(page.post()).toEqual({ who: 'g', tickets: [small] })
    expect(large.length).toBeGreaterThan(20_000)
  })

  it('rejects all changes and rolls back pending ones on bad_origin', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 9, 4])
    page.answerPost({ persisted: [['division', 9]] })
    page.receiveChanges(['cart', 10, ['a']])
    page.on('disconnect')
    page.set('division', 5)
    page.failPost({ error: { code: 'bad_origin' } })
    expect([page.get('division'), page.get('cart'), page.settled]).toEqual([4, ['a'], ['5 bad_origin']])
    expect([page.status('division'), page.status('cart'), page.post()]).toEqual(['bad_origin', 'bad_origin', undefined])
  })

  it('discards only the bad ticket', () => {
    const page = BarePage.greeted()
    const [bad, good] = [page.receiveChanges(['division', 10, 1]), page.receiveChanges(['cart', 10, ['a']])]
    expect(page.failPost({ error: { code: 'bad_ticket', index: 0 } })?.tickets).toEqual([bad, good])
    expect([page.status('division'), page.get('division'), page.status('cart')]).toEqual(['bad_ticket', 1, 'saving'])
    expect(page.answerPost()?.tickets).toEqual([good])
    expect(page.status('cart')).toBe('saved')
  })

  it('keeps a change based on a bad ticket', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 10, 1])
    page.on('disconnect')
    page.set('division', 3)
    page.failPost({ error: { code: 'bad_ticket', index: 0 } })
    expect([page.get('division'), page.settled]).toEqual([3, []])
    expect(page.answerPost({ stamp: 12 })?.set).toEqual([['division', 10, '', 3]])
    expect(page.settled).toEqual(['3 saved'])
  })
})

describe('a change without a store', () => {
  /** A POSTed change of a field with cookie: false. */
  function unsaved(): BarePage {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.accept(10)
    page.answerPost({ unsaved: ['division'] })
    return page
  }

  it('is rejected as store_unavailable, but still shown', () => {
    const page = unsaved()
    expect([page.status('division'), page.get('division'), page.post()]).toEqual(['store_unavailable', 3, undefined])
    expect(page.settled).toEqual(['3 store_unavailable'])
  })

  it('becomes saved when another tab or a later answer confirms it', () => {
    const page = unsaved()
    page.on('shared', { who: 'g', tickets: [], persisted: [['division', 10]] })
    expect(page.status('division')).toBe('saved')
    const other = unsaved()
    other.comeBack({ ...THE_GUEST, changes: [['division', 10, 3]] })
    other.set('cart', ['a'])
    other.answerSocket({ results: [{ stamp: 12, level: 'memory' }], persisted: [['division', 10]] })
    expect(other.status('division')).toBe('saved')
  })

  it('is retried on flush', () => {
    const page = unsaved()
    page.on('flush')
    expect([page.status('division'), page.post()?.tickets]).toEqual(['saving', [expect.any(String)]])
    page.on('posted', {
      wait: 0,
      answer: { results: [], persisted: [['division', 10]], hasCookie: true },
    })
    expect(page.status('division')).toBe('saved')
  })

  it('does not reject a newer ticket of its key', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 10, 3])
    page.post()
    const newer = page.receiveChanges(['division', 11, 4])
    page.on('posted', {
      wait: 0,
      answer: { results: [], persisted: [], hasCookie: true, unsaved: ['division'] },
    })
    expect([page.status('division'), page.post()?.tickets]).toEqual(['saving', [newer]])
  })
})

it('an answer with a greeting merges the greeting’s values', () => {
  const page = new BarePage(GUEST, false)
  page.set('division', 3)
  page.answerPost({ ...greetingOf({ ...THE_GUEST, changes: [['cart', 5, ['a']]] }), stamp: 10 })
  expect([page.get('cart'), page.settled]).toEqual([['a'], ['3 saved']])
})
