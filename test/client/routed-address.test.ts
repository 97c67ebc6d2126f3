import { describe, expect, it, jest } from '@jest/globals'
import type { LiveSessionClient } from 'koa-live-session/client'
import { openToldPage, shownAddress as shown } from '../support/told-navigation.js'

/** What the app's own router does, in a browser that tells of it. */
interface Router {
  /** It takes over a navigation, and has come to its address; it is there once the test says so. */
  comeTo(address: string): Promise<void>
  arrive(): void
  /** A navigation begins that it does not take over yet. */
  navigate(): void
}

let live: LiveSessionClient<never>
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

describe('the address that the app’s own router comes to', () => {
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
