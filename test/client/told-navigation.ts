import { afterEach, beforeEach, jest } from '@jest/globals'
import { createLiveSession, followAddress, type LiveSessionClient } from 'koa-live-session/client'
import type { BareSnapshot } from '../support/page/bare-page.js'

/** A page in a browser that has the Navigation API. */
export interface ToldPage {
  readonly live: LiveSessionClient<never>
  readonly navigation: { transition: object | null }
  /** Fires a navigation event, as the browser does. */
  tell(type: 'navigate' | 'currententrychange', more: object): void
  /** Navigates to this address, as an app's own router does. */
  push(address: string): Promise<void>
}

const PAGE: BareSnapshot = {
  who: 'ann',
  held: [],
  values: { division: 1, view: -1 },
  defaults: { division: -1, view: -1 },
  stamps: { division: 7 },
  urls: { division: 'd', view: 'v' },
}

Object.assign(globalThis, { fetch: () => new Promise(() => undefined) })
let opened: LiveSessionClient<never> | undefined
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['queueMicrotask'] })
})
afterEach(() => {
  opened?.close()
  localStorage.clear()
  Reflect.deleteProperty(globalThis, 'navigation')
})

/** Opens a page with division 1, as its address says. The test controls its timers, and it is closed with the test. */
export function openToldPage(socket?: object): ToldPage {
  history.replaceState(null, '', '/costs?d=1')
  const navigation = Object.assign(new EventTarget(), { transition: null as object | null })
  Object.assign(globalThis, { navigation })
  const live = createLiveSession<never>({ initial: PAGE as never, ...(socket && { socket: socket as never }) })
  opened = live
  followAddress(live as never)
  const tell: ToldPage['tell'] = (type, more) => void navigation.dispatchEvent(Object.assign(new Event(type), more))
  const push = async (address: string): Promise<void> => {
    history.pushState(null, '', address)
    tell('currententrychange', { navigationType: 'push' })
    await Promise.resolve()
  }
  return { live, navigation, tell, push }
}

export const shownAddress = (): string => location.pathname + location.search
