import { describe, expect, it } from '@jest/globals'
import { BarePage, GUEST, NAMELESS, THE_GUEST } from '../support/page/bare-page.js'

/** A page that was loaded five minutes ago. */
function opened(page: BarePage = new BarePage()): BarePage {
  page.on('begin')
  page.time('greet')
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
    page.time('greet')
    expect(renewals(page)).toEqual([300_000])
    page.on('use')
    expect(page.post()).toBeUndefined()
    page.time('renew')
    expect(page.post()).toBeUndefined()
    page.on('use')
    page.on('use')
    expect(page.answer()).toEqual({ who: 'g' })
    expect(renewals(page)).toEqual([300_000])
    page.on('use')
    expect(page.post()).toBeUndefined()
    page.time('renew')
    page.on('use')
    expect(page.post()).toEqual({ who: 'g' })
  })

  it('POSTs sooner where the server says so, in its HTML or in a greeting', () => {
    const page = new BarePage({ ...GUEST, renew: 15 })
    page.on('begin')
    expect(renewals(page)).toEqual([15_000])
    const plain = new BarePage(null)
    plain.on('begin')
    plain.effects()
    plain.on('connect')
    plain.greet({ ...THE_GUEST, renew: 20 })
    expect(renewals(plain)).toEqual([20_000])
  })

  it('asks whose it is where it has plain values and no connection: a question renews, too', () => {
    const page = opened(new BarePage({ division: 1 }, false))
    page.on('use')
    expect(page.post()).toEqual({})
  })

  it('POSTs nothing more where a change was POSTed meanwhile, by itself or by another tab', () => {
    const page = opened()
    page.set('division', 3)
    page.answer({ stamp: 10 })
    page.on('use')
    expect(page.post()).toBeUndefined()
    const other = opened()
    other.on('use')
    other.on('news', { who: 'g', tickets: [], held: [] })
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

  it('waits for its turn among the tabs, and needs none where another tab was first', () => {
    const page = opened()
    page.on('use')
    expect(page.effects()).toEqual([['queue']])
    page.on('news', { who: 'g', tickets: [], held: [] })
    page.on('turn')
    expect(page.effects('post', 'release')).toEqual([['release']])
  })

  it('tries again after a failure only where it is used again', () => {
    const page = opened()
    page.on('use')
    expect(page.fail()).toEqual({ who: 'g' })
    expect(page.post()).toBeUndefined()
    page.on('use')
    expect(page.answer()).toEqual({ who: 'g' })
  })

  it('comes back where the session was ended elsewhere, and asks for a cookie where its own is gone', () => {
    const page = opened(BarePage.greeted())
    page.on('use')
    page.answer({ dropped: true })
    expect(page.told({ ...THE_GUEST, who: 'h' })).toEqual({})
    expect(page.did('reconnect')).toBe(true)
  })

  it('POSTs at the next use once the machine has slept', () => {
    const page = new BarePage()
    page.on('begin')
    page.time('greet')
    page.on('wake')
    page.on('use')
    expect(page.post()).toEqual({ who: 'g' })
  })

  it('asks for nothing in a browser that keeps no cookie', () => {
    const page = BarePage.greeted(NAMELESS, null)
    page.told(NAMELESS)
    page.comeBack(NAMELESS)
    page.on('wake')
    page.on('use')
    expect(page.post()).toBeUndefined()
  })
})

describe('a page that is not used', () => {
  it('POSTs nothing, however long it lies open', () => {
    const page = opened(BarePage.greeted())
    page.comeBack()
    expect([page.post(), page.effects('post', 'queue')]).toEqual([undefined, []])
  })
})
