import { describe, expect, it } from '@jest/globals'
import { serializeOutbox } from '../../client/core/outbox.js'
import { followTab } from '../../client/core/tab.js'
import { ANN, BarePage, NAMELESS, NEW_GUEST, THE_GUEST } from '../support/page/bare-page.js'
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

describe('the outbox of a kept tab', () => {
  const TICKET = bareTicket(STEP)
  const textOf = (who: string, ...pending: readonly unknown[]): string => JSON.stringify([who, [TICKET], pending])

  /** A page with `keepTab`, and with this stored outbox. */
  function keep(page: BarePage, tab = ''): BarePage {
    Object.assign(page.page, { tab, followTab })
    page.on('restored', [tab])
    return page
  }
  const saved = (page: BarePage): readonly unknown[] => page.effects('saveTab').map(([, text]) => text)

  it('is stored before the other effects', () => {
    const page = keep(BarePage.greeted())
    page.effects()
    page.set('division', 3)
    page.receive(STEP)
    expect(page.effects().map(([what]) => what)).toEqual(['saveTab', 'send', 'saveTab'])
    expect(page.page.tab).toBe(textOf('g'))
  })

  it('is not stored before the browser has shown its cookie', () => {
    const page = keep(new BarePage(NEW_GUEST), textOf('g'))
    page.set('step', 3)
    expect([saved(page), page.page.tab]).toEqual([[], textOf('g')])
  })

  it('waits for the visitor of a page without HTML', () => {
    const page = keep(new BarePage(null), textOf('g', ['step', 5, '', 3]))
    expect(page.get('step')).toBeUndefined()
    page.on('connect')
    page.greet()
    expect([page.get('step'), saved(page).at(-1)]).toEqual([3, textOf('g', ['step', 5, '', 3])])
  })

  it('of another visitor is replaced', () => {
    const page = keep(BarePage.greeted(), textOf('another'))
    expect([page.get('step'), saved(page)]).toEqual([undefined, ['']])
  })

  it('of a guest stays until the user’s connection has brought it', () => {
    const page = keep(new BarePage({ who: 'ann', persisted: [], values: {}, stamps: {} }), textOf('g'))
    page.on('connect')
    expect([saved(page), page.page.tab]).toEqual([[], textOf('g')])
    page.greet(ANN)
    expect(saved(page)).toEqual([''])
  })

  it('of the user is stored while the page connects', () => {
    const page = keep(new BarePage({ who: 'ann', persisted: [], values: {}, stamps: {} }), textOf('ann'))
    expect(saved(page)).toEqual([textOf('ann')])
  })
})
