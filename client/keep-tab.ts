// Persists the tab's values in sessionStorage, and passes their tickets to the server in the handshake and in a cookie.

import type { Unsubscribe } from '../shared/observable.js'
import { TAB_AUTH, TAB_COOKIE } from '../shared/protocol.js'
import { attempt } from './browser/storage.js'
import { serializeOutbox } from './core/outbox.js'
import { internalsOf } from './internals.js'
import type { AnyClient } from './types.js'

/** Maximum characters of tickets in the cookie. */
const MAX_LENGTH = 1500
const LEAVE = 'beforeunload'

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
  const { dispatch, posts, environment, initial, onClose, page, socket } = internalsOf(live)
  // The page and its frames share sessionStorage, and each has an entry of its own.
  const place = attempt(() => placeOf(self)) ?? ''
  const name = `live-session:${posts.endpoint}${place}`
  let stored = attempt(() => sessionStorage[name])
  let text = stored
  const parse = (): readonly [who?: string, tickets?: readonly string[]] => attempt(() => JSON.parse(text)) ?? []
  const isConnecting = (): boolean => page.socket !== 'none' && page.socket !== 'greeted'
  const own = (): readonly string[] => parse()[1] ?? []
  const bring = (value: string, seconds: number): void => {
    attempt(() => {
      const secure = location.protocol === 'https:' ? ';secure' : ''
      Object.assign(document, { cookie: `${TAB_COOKIE}=${value};path=/;max-age=${seconds};samesite=lax${secure}` })
    })
  }
  // Only `beforeunload` always fires before the next request. iOS has no such event: there the next page's HTML has defaults.
  const leave = (): void => {
    const value = own().join('~')
    if (value.length <= MAX_LENGTH) bring(value, 5)
  }
  const { save, restore: restoreOthers } = environment
  environment.save = (others) => {
    save(others)
    if (page.cookie !== 'accepted') return
    // After a sign-in, the connection first brings the guest's tickets: only the server decides which values follow.
    if (page.kind === 'user' && isConnecting() && (parse()[0] ?? page.who) !== page.who) return
    text = serializeOutbox(page, true)
    attempt(() => (sessionStorage[name] = text))
    // Listen only if needed: Firefox keeps no page with such a listener in its back/forward cache.
    globalThis[text && !place ? 'addEventListener' : 'removeEventListener']?.(LEAVE, leave)
  }
  // Restores the stored changes, if they are this visitor's. While the page does not know its visitor, keeps them for the next call.
  const restore = (tabKeys?: readonly string[]): void => {
    dispatch('restored', [stored], tabKeys)
    if (page.who) stored = ''
  }
  environment.restore = () => {
    restoreOthers()
    restore()
  }

  // Remove the cookie of the unloaded page, which the server has read by now. The cookie is the page's, not a frame's.
  if (!place) bring('', 0)
  // Discard the tab's values in the HTML, which may be another tab's. Hydration still shows these values, from `initialState`.
  restore(initial?.tab)
  if (socket) {
    const { auth } = socket
    socket.auth = (send) => {
      const add = (given?: object): void => send({ ...given, [TAB_AUTH]: own() })
      if (typeof auth === 'function') auth(add)
      else add(auth)
    }
  }
  const unsubscribe = (): void => {
    Object.assign(environment, { save, restore: restoreOthers })
    globalThis.removeEventListener?.(LEAVE, leave)
  }
  onClose(unsubscribe)
  return unsubscribe
}
