import { describe, expect, it } from '@jest/globals'
import { BarePage, GUEST, OF_GUEST, OF_STRANGER } from '../support/bare-page.js'

/** A page that was loaded five minutes ago. */
function opened(page: BarePage = new BarePage()): BarePage {
  page.on('begin')
  page.time('renew')
  page.effects()
  return page
}

const renewals = (page: BarePage): readonly unknown[] =>
  page.effects('timer').flatMap(([, name, ms]) => (name === 'renew' ? [ms] : []))

describe('a page that is used', () => {
  it('POSTs once five minutes have passed since it was loaded, and again five minutes after that was taken', () => {
    const page = new BarePage()
    page.on('begin')
    expect(renewals(page)).toEqual([300_000])
    page.on('use')
    expect(page.post()).toBeUndefined()
    page.time('renew')
    expect(page.post()).toBeUndefined()
    page.on('use')
    page.on('use')
    expect(page.answer()).toEqual({ subject: 'g' })
    expect([page.is, renewals(page)]).toEqual(['known', [300_000]])
    page.on('use')
    expect(page.post()).toBeUndefined()
    page.time('renew')
    page.on('use')
    expect(page.post()).toEqual({ subject: 'g' })
  })

  it('POSTs sooner where the server says so, in its HTML or in a greeting', () => {
    const page = new BarePage({ ...GUEST, renew: 15 })
    page.on('begin')
    expect(renewals(page)).toEqual([15_000])
    const plain = new BarePage(null)
    plain.on('begin')
    plain.effects()
    plain.on('connect')
    plain.hear({ ...OF_GUEST, renew: 20 })
    expect(renewals(plain)).toEqual([20_000])
  })

  it('asks whose it is where it has plain values and no connection: a question renews, too', () => {
    const page = new BarePage({ division: 1 }, false)
    page.on('begin')
    page.on('use')
    expect(page.post()).toBeUndefined()
    page.time('renew')
    page.on('use')
    expect(page.post()).toEqual({})
  })

  it('POSTs nothing more where a change was POSTed meanwhile, by itself or by another tab', () => {
    const page = opened()
    page.set('division', 3)
    page.answer({ stamp: 10, held: [['division', 10]] })
    page.answer({ held: [['division', 10]] })
    page.on('use')
    expect(page.post()).toBeUndefined()
    const other = opened()
    other.on('use')
    other.on('news', { browser: 'g', tickets: [], held: [] })
    expect(other.post()).toBeUndefined()
    other.on('use')
    expect(other.post()).toBeUndefined()
  })

  it('waits longer after each POST that is refused, however often it is used', () => {
    const page = opened()
    page.on('use')
    page.effects()
    page.fail({ status: 403, error: { code: 'bad_origin' } })
    expect(page.effects('timer')).toContainEqual(['timer', 'post', expect.any(Number), expect.any(Number)])
    page.effects()
    page.on('use')
    expect(page.effects()).toEqual([])
  })

  it('waits for its turn among the tabs, and lets a change go first', () => {
    const page = opened()
    page.on('use')
    expect(page.effects()).toEqual([['timer', 'lead', 50, 50]])
    page.time('lead')
    expect(page.effects()).toEqual([['queue']])
    page.on('news', { browser: 'g', tickets: [], held: [] })
    page.on('turn')
    expect(page.effects('post', 'release')).toEqual([['release']])
  })

  it('tries again after a failure only where it is used again', () => {
    const page = opened()
    page.on('use')
    expect(page.fail()).toEqual({ subject: 'g' })
    expect(page.post()).toBeUndefined()
    page.on('use')
    expect(page.answer()).toEqual({ subject: 'g' })
  })

  it('comes back where the session was ended elsewhere, and asks for a cookie where its own is gone', () => {
    const page = opened(BarePage.greeted())
    page.on('use')
    page.fail({ status: 403, error: { code: 'other_subject' } })
    expect(page.did('reconnect')).toBe(true)
    const alone = opened(new BarePage(GUEST, false))
    alone.on('use')
    alone.fail({ status: 403, error: { code: 'cookies_blocked' } })
    expect(alone.post()).toEqual({})
  })

  it('POSTs at the next use once it was kept by the browser, or the machine has slept', () => {
    for (const event of ['return', 'wake'] as const) {
      const page = new BarePage()
      page.on('begin')
      page.on(event)
      page.on('use')
      expect(page.post()).toEqual({ subject: 'g' })
    }
  })

  it('asks for nothing in a browser that keeps no cookie', () => {
    const page = BarePage.greeted(OF_STRANGER, null)
    page.answer({ ticket: page.hear(OF_STRANGER), cookieless: true })
    page.on('wake')
    page.on('use')
    expect([page.is, page.post()]).toEqual(['memory', undefined])
  })
})

describe('a page that is not used', () => {
  it('POSTs nothing, however long it lies open', () => {
    const page = opened(BarePage.greeted())
    page.on('disconnect')
    page.on('connect')
    page.hear(OF_GUEST)
    expect([page.post(), page.effects('post', 'queue')]).toEqual([undefined, []])
  })
})
