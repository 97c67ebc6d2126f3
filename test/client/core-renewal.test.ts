import { describe, expect, it } from '@jest/globals'
import { BarePage, GUEST, THE_GUEST } from '../support/page/bare-page.js'

function opened(page: BarePage = new BarePage()): BarePage {
  page.on('begin')
  page.fireTimer('greet')
  page.fireTimer('renew')
  page.effects()
  return page
}

const renewals = (page: BarePage): readonly unknown[] =>
  page.effects('timer').flatMap(([, name, ms]) => (name === 'renew' ? [ms] : []))

describe('a page in use', () => {
  it('POSTs on use, at most every five minutes', () => {
    const page = new BarePage()
    page.on('begin')
    page.fireTimer('greet')
    expect(renewals(page)).toEqual([300_000])
    page.on('use')
    expect(page.post()).toBeUndefined()
    page.fireTimer('renew')
    expect(page.post()).toBeUndefined()
    page.on('use')
    page.on('use')
    expect(page.answerPost()).toEqual({ who: 'g' })
    expect(renewals(page)).toEqual([300_000])
    page.on('use')
    expect(page.post()).toBeUndefined()
    page.fireTimer('renew')
    page.on('use')
    expect(page.post()).toEqual({ who: 'g' })
  })

  it('uses the server’s interval, from HTML or greeting', () => {
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

  it('asks for its visitor if it knows none', () => {
    const page = opened(new BarePage({ division: 1 }, false))
    page.on('use')
    expect(page.post()).toEqual({})
  })

  it('POSTs nothing soon after any tab’s POST', () => {
    const page = opened()
    page.set('division', 3)
    page.answerPost({ stamp: 10 })
    page.on('use')
    expect(page.post()).toBeUndefined()
    const other = opened()
    other.on('use')
    other.on('shared', { who: 'g', tickets: [], persisted: [] })
    expect(other.post()).toBeUndefined()
    other.on('use')
    expect(other.post()).toBeUndefined()
  })

  it('backs off after a refused POST', () => {
    const page = opened()
    page.on('use')
    page.effects()
    page.failPost({ error: { code: 'bad_origin' } })
    expect(page.effects('timer')).toContainEqual(['timer', 'postPause', expect.any(Number), expect.any(Number)])
    page.effects()
    page.on('use')
    expect(page.effects()).toEqual([])
  })

  it('skips its POST if another tab POSTs first', () => {
    const page = opened()
    page.on('use')
    expect(page.effects()).toEqual([['queue']])
    page.on('shared', { who: 'g', tickets: [], persisted: [] })
    page.on('lock')
    expect(page.effects('post', 'release')).toEqual([['release']])
  })

  it('retries at the next use after a failure', () => {
    const page = opened()
    page.on('use')
    expect(page.failPost()).toEqual({ who: 'g' })
    expect(page.post()).toBeUndefined()
    page.on('use')
    expect(page.answerPost()).toEqual({ who: 'g' })
  })

  it('POSTs at the first use after a sleep', () => {
    const page = new BarePage()
    page.on('begin')
    page.fireTimer('greet')
    page.on('wake')
    page.on('use')
    expect(page.post()).toEqual({ who: 'g' })
  })
})
