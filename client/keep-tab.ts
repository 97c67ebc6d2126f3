// Persists the tab's values in sessionStorage, and passes their tickets to the server in the handshake and in a cookie.

import type { Unsubscribe } from '../shared/observable.js'
import { TAB_AUTH, TAB_COOKIE } from '../shared/protocol.js'
import { attempt } from './browser/outbox-storage.js'
import { followTab } from './core/tab.js'
import { internalsOf } from './internals.js'
import type { AnyClient } from './types.js'

/** Maximum characters of tickets in the cookie. */
const MAX_LENGTH = 1500

/** Returns a frame's place among its parents' frames, such as ` 0 2`; `''` for the tab's page. */
const placeOf = (w: Window): string =>
  w === w.parent ? '' : `${placeOf(w.parent)} ${[].indexOf.call(w.parent as never, w as never)}`

/**
 * Persists the values of this tab (`scope: 'tab'`) in its sessionStorage, across reloads, back navigation and server restarts. Call
 * `keepTab` right after `createLiveSession`, before the socket connects: the handshake sends the values in `auth`.
 *
 * @throws {TypeError} if `live` is not a client
 * @example
 * keepTab(live)
 */
export function keepTab(live: AnyClient): Unsubscribe {
  const { initial, onClose, page, dispatch, posts, environment, socket } = internalsOf(live)
  // The page and its frames share sessionStorage, and each has an entry of its own.
  const place = attempt(() => placeOf(self)) ?? ''
  const name = `live-session:${posts.endpoint}${place}`
  const tickets = (): readonly string[] => attempt(() => JSON.parse(page.tab as string)[1]) ?? []
  const bring = (value: string, seconds: number): void => {
    attempt(() => {
      const secure = location.protocol === 'https:' ? ';secure' : ''
      Object.assign(document, {
        cookie: `${initial?.tabCookie ?? TAB_COOKIE}=${value};path=/;max-age=${seconds};samesite=lax${secure}`,
      })
    })
  }
  // Only `beforeunload` always fires before the next request. iOS has no such event: there the next page's HTML has defaults.
  const leave = (): void => {
    const value = tickets().join('~')
    if (value && value.length <= MAX_LENGTH) bring(value, 5)
  }
  environment.saveTab = (text) => attempt(() => (sessionStorage[name] = text))
  const stored: string = attempt(() => sessionStorage[name]) ?? ''
  Object.assign(page, { tab: stored, followTab })

  // Remove the cookie of the unloaded page, which the server has read by now. The cookie is the page's, not a frame's.
  if (!place) {
    bring('', 0)
    globalThis.addEventListener?.('beforeunload', leave)
  }
  // Discard the tab's values in the HTML, which may be another tab's. Hydration still shows these values, from `initialState`.
  dispatch('restored', [stored], initial?.tab)
  const given = socket?.auth ?? {}
  const auth = (send: (auth: object) => void): void => {
    const add = (own?: object): void => send({ ...own, [TAB_AUTH]: tickets() })
    if (typeof given === 'function') given(add)
    else add(given)
  }
  if (socket) socket.auth = auth
  const unsubscribe = (): void => {
    // If the app has wrapped our `auth`, ours stays, but without `page.tab` adds no tickets.
    Object.assign(page, { tab: '', followTab: undefined })
    globalThis.removeEventListener?.('beforeunload', leave)
    if (socket?.auth === auth) socket.auth = given
  }
  onClose(unsubscribe)
  return unsubscribe
}
