import { describe, expect, it, jest } from '@jest/globals'
import type { LiveSessionClient } from 'koa-live-session/client'
import { bareTicket } from '../support/bare-ticket.js'
import { GreetingSocket } from '../support/greeting-socket.js'
import { openToldPage, shownAddress as shown } from '../support/told-navigation.js'

/** A page that shows 1, in a browser that tells of navigations; and what its visitor and its server do. */
interface Opened {
  choose(division: number): void
  /** The server tells of a value that another page has set. */
  hear(value: number, key?: string): void
  /** A navigation begins. */
  go(sameDocument?: boolean): void
  /** What the app's own router has taken over has come to this address. */
  arrive(address: string): Promise<void>
}

let live: LiveSessionClient<never>
function open(): Opened {
  const socket = new GreetingSocket('ann')
  const page = openToldPage(socket)
  live = page.live
  let stamp = 7
  return {
    choose: (division) => void live.set('division' as never, division as never),
    hear: (value, key = 'division') => {
      stamp += 1
      const changes = [[key, stamp, value]] as const
      socket.emit('store_session', bareTicket({ changes }))
    },
    go: (sameDocument = false) => page.tell('navigate', { destination: { sameDocument } }),
    arrive: page.push,
  }
}

describe('the address of a page that the visitor leaves', () => {
  it('stays as it was for ten seconds, and then says what the page has heard, which is still there', () => {
    const page = open()
    page.go()
    page.hear(2)
    jest.advanceTimersByTime(9_999)
    expect([live.get('division' as never), shown()]).toEqual([2, '/costs?d=1'])
    jest.advanceTimersByTime(1)
    expect(shown()).toBe('/costs?d=2')
  })

  it('stays as long after another link, which the visitor follows before the answer to the first has come', () => {
    const page = open()
    page.go()
    jest.advanceTimersByTime(9_000)
    page.go()
    page.hear(2)
    jest.advanceTimersByTime(9_000)
    expect(shown()).toBe('/costs?d=1')
  })

  it('says what was chosen right before, and could not be said at once', () => {
    const page = open()
    page.choose(2)
    page.choose(3)
    page.go()
    jest.advanceTimersByTime(0)
    page.hear(4)
    jest.advanceTimersByTime(9_000)
    expect(shown()).toBe('/costs?d=3')
  })

  it('says at once what is chosen there meanwhile, as after a download', () => {
    const page = open()
    page.go()
    page.choose(2)
    expect(shown()).toBe('/costs?d=2')
  })

  it('says at once what is there where the app’s own router has taken over', async () => {
    const page = open()
    page.go()
    page.hear(2)
    await page.arrive('/projects')
    expect(shown()).toBe('/projects?d=2')
  })

  it('says at once what the page hears once the browser, which has kept the page, shows it again', () => {
    const page = open()
    page.go()
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
    page.hear(2, 'view')
    expect(shown()).toBe('/costs?d=1&v=2')
  })

  it('is not left by what stays in the document', () => {
    const page = open()
    page.go(true)
    page.hear(2)
    expect(shown()).toBe('/costs?d=2')
  })
})
