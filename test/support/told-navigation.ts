import { afterEach, beforeEach, jest } from '@jest/globals'
import { createLiveSession, followAddress, type LiveSessionClient } from 'koa-live-session/client'
import type { BareSnapshot } from './bare-page.js'

/** A page in a browser that tells of navigations. */
export interface ToldPage {
  readonly live: LiveSessionClient<never>
  readonly navigation: { transition: object | null }
  /** The browser tells of one. */
  tell(type: 'navigate' | 'currententrychange', more: object): void
  /** An app's own router goes to this address. */
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

/** Shows division 1, as its address says; its timers wait for the test, which it closes with. */
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
