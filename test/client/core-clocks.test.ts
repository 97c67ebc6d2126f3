import { describe, expect, it } from '@jest/globals'
import { HOUR } from '../support/app/times.js'
import { ANN, BarePage, greetingOf, THE_GUEST } from '../support/page/bare-page.js'
import type { BareClaims } from '../support/page/bare-ticket.js'

const NOW = 1_000 * HOUR
const AHEAD = NOW + 9000 * HOUR
const at = (time: number): BareClaims => ({ iat: time / 1000, sub: 'guest' })

/** A page with a value from a server whose clock is a year ahead. */
function misled(hasSocket = true): BarePage {
  const page = new BarePage(undefined, hasSocket)
  if (hasSocket) page.on('connect')
  const greeting = { ...THE_GUEST, ...at(AHEAD), changes: [['division', AHEAD, 3]] as const }
  if (hasSocket) page.greet(greeting)
  else {
    page.on('return')
    page.answerQuestion(greeting)
  }
  page.effects()
  expect(page.get('division')).toBe(3)
  return page
}

describe('a value from a fast clock', () => {
  it('yields to the greeting of a correct clock', () => {
    const page = misled()
    page.comeBack({ ...THE_GUEST, ...at(NOW), changes: [['division', NOW, 4]] })
    expect(page.get('division')).toBe(4)
  })

  it('yields to a ticket of a correct clock', () => {
    const page = misled()
    page.receive({ ...at(NOW), changes: [['division', NOW, 4]] })
    expect(page.get('division')).toBe(4)
  })

  it.each([true, false])('yields to this page’s change (socket: %s)', (hasSocket) => {
    const page = misled(hasSocket)
    if (hasSocket) page.comeBack({ ...THE_GUEST, ...at(NOW), changes: [['division', 1, 3]] })
    page.set('division', 5)
    const { set } = (hasSocket ? page.messages()[1] : page.post()) ?? {}
    expect(set).toEqual([['division', expect.any(Number), '', 5]])
    const ticket = { ...greetingOf({ ...at(NOW), changes: [['division', NOW, 5]] }) }.greeting?.[0]
    const answer = { ...(ticket && { ticket }), results: [{ stamp: NOW, level: 'memory' as const }] }
    if (hasSocket) page.answerSocket(answer)
    else page.answerPost(answer)
    expect(page.get('division')).toBe(5)
  })

  it('is not restored by another tab’s old ticket', () => {
    const page = misled()
    const old = page.outbox()?.tickets ?? []
    page.comeBack({ ...THE_GUEST, ...at(NOW), changes: [['division', NOW, 4]] })
    page.on('shared', { who: 'g', tickets: old, persisted: [] })
    expect([old.length, page.get('division')]).toEqual([1, 4])
    page.receiveChanges(['division', NOW + 1, 5])
    expect(page.status('division')).toBe('saving')
  })

  it('is saved when the cookie has the correct clock’s stamp', () => {
    const page = misled()
    page.comeBack({ ...THE_GUEST, ...at(NOW), changes: [['division', 1, 3]] })
    expect([page.get('division'), page.status('division')]).toEqual([3, 'saving'])
    page.answerPost({ persisted: [['division', 1]] })
    expect(page.status('division')).toBe('saved')
  })

  it('yields to a later stamp after the clock’s correction', () => {
    const page = misled()
    page.receive({ ...at(NOW), changes: [['division', AHEAD + 1, 4]] })
    expect(page.get('division')).toBe(4)
  })

  it('is accepted if in the page’s first greeting', () => {
    const page = BarePage.greeted({ ...THE_GUEST, ...at(NOW), changes: [['division', AHEAD, 4]] })
    expect(page.get('division')).toBe(4)
  })
})

describe('a page after two silent hours', () => {
  it('shows another tab’s new change', () => {
    const pages = [new BarePage(undefined, false), new BarePage(undefined, false)] as const
    for (const page of pages) {
      page.on('return')
      page.answerQuestion({ ...THE_GUEST, ...at(NOW) })
      page.effects()
    }
    const [page, other] = pages
    const later = NOW + 2 * HOUR
    const [ticket = ''] = greetingOf({ ...at(later), changes: [['division', later, 5]] }).greeting ?? []
    other.set('division', 5)
    other.answerPost({ ticket, results: [{ stamp: later, level: 'memory' }] })
    for (const [, message] of other.effects('share')) page.on('shared', message as never)
    expect([other.get('division'), page.get('division')]).toEqual([5, 5])
  })

  it('ignores an earlier time reported by another tab', () => {
    const page = BarePage.greeted({ ...THE_GUEST, ...at(NOW + 2 * HOUR), changes: [['division', NOW + 2 * HOUR, 5]] })
    const [old = ''] = greetingOf({ ...at(NOW), changes: [['division', NOW, 4]] }).greeting ?? []
    page.on('shared', { who: 'g', tickets: [old], persisted: [], now: NOW })
    expect(page.get('division')).toBe(5)
  })
})

describe('a relayed ticket', () => {
  const EVIL = 2 ** 53 - 2

  it('is ignored for an unknown subject', () => {
    const page = BarePage.greeted({ ...THE_GUEST, ...at(NOW), changes: [['division', NOW, 4]] })
    page.receive({ ...at(NOW), sub: 'stranger', changes: [['division', NOW + 1, 666]] })
    expect([page.get('division'), page.did('queue')]).toEqual([4, false])
  })

  it('is ignored for a former visitor’s subject', () => {
    const page = BarePage.greeted({ ...THE_GUEST, ...at(NOW), changes: [['division', NOW, 4]] })
    page.on('reconnect')
    page.on('connect')
    page.greet({ ...ANN, ...at(NOW), sub: 'ann' })
    page.receive({ ...at(NOW), changes: [['division', NOW + 1, 666]] })
    expect([page.page.who, page.get('division')]).toEqual(['ann', -1])
  })

  it('is ignored with a stamp over an hour past the ticket’s date', () => {
    const page = BarePage.greeted({ ...THE_GUEST, ...at(NOW), changes: [['division', NOW, 4]] })
    page.receive({ ...at(NOW), changes: [['division', EVIL, 666]] })
    expect(page.get('division')).toBe(4)
  })

  it('whatever its date, yields to the server’s next ticket', () => {
    const page = BarePage.greeted({ ...THE_GUEST, ...at(NOW), changes: [['division', NOW, 4]] })
    page.receive({ ...at(EVIL), changes: [['division', EVIL, 666]] })
    page.receive({ ...at(NOW), changes: [['division', NOW + 1, 5]] })
    expect(page.get('division')).toBe(5)
  })

  it('is accepted for each subject of the greeting', () => {
    const page = new BarePage()
    page.on('connect')
    const [user] = greetingOf({ ...THE_GUEST, ...at(NOW) }).greeting ?? []
    const [own] = greetingOf({ ...THE_GUEST, ...at(NOW), sub: 'browser' } as never).greeting ?? []
    page.answerSocket({ who: 'g', hasCookie: true, greeting: [user ?? '', own ?? ''] })
    page.receive({ ...at(NOW), sub: 'browser', changes: [['theme', NOW, 'dark']] })
    expect(page.get('theme')).toBe('dark')
  })
})
