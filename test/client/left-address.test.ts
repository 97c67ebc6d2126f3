import { describe, expect, it, jest } from '@jest/globals'
import type { LiveSessionClient } from 'koa-live-session/client'
import { bareTicket } from '../support/page/bare-ticket.js'
import { GreetingSocket } from '../support/page/greeting-socket.js'
import { openToldPage, shownAddress as shown } from './told-navigation.js'

/** A page that shows 1, in a browser that tells of navigations; and what its visitor and its server do. */
interface Opened {
  choose(division: number): void
  /** The server tells of a value that another page has set. */
  hear(value: number, key?: string): void
  /** The page reconnects, and its visitor has this value. */
  comeBack(value: number, key: string): void
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
    comeBack: (value, key) => socket.comeBack('ann', { changes: [[key, stamp + 1, value]] }),
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

  it('says what the page hears once the browser, which has kept the page, shows it again', () => {
    const page = open()
    page.go()
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
    expect(shown()).toBe('/costs?d=1')
    page.comeBack(2, 'view')
    jest.advanceTimersByTime(200)
    expect(shown()).toBe('/costs?d=1&v=2')
  })

  it('is not left by what stays in the document', () => {
    const page = open()
    page.go(true)
    page.hear(2)
    expect(shown()).toBe('/costs?d=2')
  })
})

describe('the address that the app’s own router comes to', () => {
  /** What the app's own router does, in a browser that tells of it. */
  interface Router {
    /** It takes over a navigation, and has come to its address; it is there once the test says so. */
    comeTo(address: string): Promise<void>
    arrive(): void
    /** A navigation begins that it does not take over yet. */
    navigate(): void
  }

  const choose = (division: number): void => void live.set('division' as never, division as never)

  function open(): Router {
    const page = openToldPage()
    live = page.live
    return {
      comeTo: (address) => {
        page.navigation.transition = {}
        return page.push(address)
      },
      arrive: () => {
        page.navigation.transition = null
      },
      navigate: () => page.tell('navigate', { destination: { sameDocument: false } }),
    }
  }

  it('is left alone however long that takes, and says 200 ms later at the most what was chosen', async () => {
    const router = open()
    await router.comeTo('/projects')
    choose(2)
    jest.advanceTimersByTime(30_000)
    expect(shown()).toBe('/projects')
    router.arrive()
    jest.advanceTimersByTime(200)
    expect(shown()).toBe('/projects?d=2')
  })

  it('is asked after no more once it says all', async () => {
    const router = open()
    const timers = jest.getTimerCount()
    await router.comeTo('/projects?d=1')
    expect(jest.getTimerCount()).toBe(timers + 1)
    router.arrive()
    jest.advanceTimersByTime(200)
    expect(jest.getTimerCount()).toBe(timers)
  })

  it('is left alone once the client is closed, and asked after no more', async () => {
    const router = open()
    await router.comeTo('/projects')
    live.close()
    jest.advanceTimersByTime(200)
    expect(jest.getTimerCount()).toBe(0)
    router.arrive()
    jest.advanceTimersByTime(200)
    expect(shown()).toBe('/projects')
  })

  it('says what waits where the visitor leaves for another document meanwhile', async () => {
    const router = open()
    await router.comeTo('/projects')
    router.arrive()
    router.navigate()
    jest.advanceTimersByTime(0)
    expect(shown()).toBe('/projects?d=1')
  })

  it('says what was chosen right before, also where that is the one that the page has', async () => {
    const router = open()
    choose(2)
    choose(3)
    router.navigate()
    await router.comeTo('/costs?d=2')
    jest.advanceTimersByTime(1_000)
    expect(shown()).toBe('/costs?d=2')
    router.arrive()
    jest.advanceTimersByTime(200)
    expect(shown()).toBe('/costs?d=3')
  })
})
