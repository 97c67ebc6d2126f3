import { describe, expect, it } from '@jest/globals'
import { serializeOutbox } from '../../client/core/outbox.js'
import { BarePage, NAMELESS, THE_GUEST } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'

const STEP = { changes: [['step', 5, 2] as const], tab: ['step'] }

/** The page’s outbox for other tabs, and for its own tab. */
const left = ({ page }: BarePage): readonly unknown[] =>
  [serializeOutbox(page), serializeOutbox(page, true)].map((text) => (text ? JSON.parse(text) : text))

describe('tab values', () => {
  it('are saved immediately, only in the outbox of this tab', () => {
    const page = BarePage.greeted()
    const ticket = page.receive(STEP)
    expect([page.status('step'), page.post(), left(page)]).toEqual(['saved', undefined, ['', ['g', [ticket], []]]])
  })

  it('are saved by the socket’s answer', () => {
    const page = BarePage.greeted()
    page.receive(STEP)
    page.set('step', 3)
    page.update('step', (step) => Number(step) + 1, 'next')
    const pending = [
      ['step', 5, '', 3],
      ['step', 5, expect.any(String), 4],
    ]
    expect(left(page)).toEqual(['', ['g', expect.anything(), pending]])
    for (const stamp of [6, 7]) {
      const ticket = bareTicket({ changes: [['step', stamp, stamp - 3]], tab: ['step'] })
      page.answerSocket({ ticket, results: [{ stamp, level: 'memory' }] } as never)
    }
    expect([page.get('step'), page.status('step'), page.post()]).toEqual([4, 'saved', undefined])
    expect(page.settled).toEqual(['3 saved', 'next saved'])
  })

  it('are sent with each connection and POST, but not to other tabs', () => {
    const page = BarePage.greeted()
    const own = page.receive(STEP)
    const other = page.receiveChanges(['division', 6, 1])
    expect(page.post()).toEqual({ who: 'g', tickets: [other, own] })
    page.on('posted', {
      wait: 0,
      answer: { hasCookie: true, persisted: [['division', 6]], results: [] },
    } as never)
    const told = page.effects().filter(([what]) => what === 'share')
    expect(told.at(-1)).toEqual(['share', expect.objectContaining({ tickets: [other] })])
    page.disconnect()
    page.on('connect')
    expect(page.effects()).toContainEqual(['send', expect.objectContaining({ tickets: [own] }), 4000])
  })

  it('are restored from the tab’s own outbox', () => {
    const ticket = bareTicket(STEP)
    const page = BarePage.greeted()
    page.on('restored', [JSON.stringify(['g', [ticket], [['step', 5, '', 3]]])])
    expect([page.get('step'), page.status('step'), page.answerSocket({ results: [] })?.set]).toEqual([
      3,
      'saving',
      [['step', 5, '', 3]],
    ])
    const next = BarePage.greeted()
    next.on('restored', [JSON.stringify(['another', [ticket], []])])
    expect([next.get('step'), next.status('step')]).toEqual([undefined, 'default'])
  })

  it('stay unsaved on a connection without a cookie', () => {
    const page = new BarePage(null)
    page.on('connect')
    page.greet(NAMELESS)
    page.receive(STEP)
    expect([page.get('step'), page.status('step'), left(page)]).toEqual([2, 'saving', ['', '']])
  })

  it('are discarded when the visitor changes', () => {
    const page = BarePage.greeted()
    page.receive(STEP)
    page.comeBack({ ...THE_GUEST, who: 'another' })
    expect([page.get('step'), page.status('step'), left(page)]).toEqual([undefined, 'default', ['', '']])
  })
})
