import { TAB_AUTH, TAB_COOKIE } from '../shared/protocol.js'
import type { Unsubscribe } from '../shared/session-types.js'
import { fieldOf, reset } from './core/field.js'
import { remainsOf } from './core/outbox.js'
import { insideOf } from './inside.js'
import type { AnyClient } from './types.js'

/** Characters of tickets that a request may bring in its cookie. */
const MAX_LENGTH = 1500
const LEAVE = 'beforeunload'

/** Returns undefined if it throws, as storage may be blocked, full or damaged; and on a server, where all visitors would share it. */
function tried<T>(make: () => T): T | undefined {
  try {
    return globalThis.document && make()
  } catch {
    return undefined
  }
}

/**
 * Keeps the values that belong to this tab (`scope: 'tab'`) in its sessionStorage, over reloads, back and restarts of the server. Call it right
 * after `createLiveSession`, before the socket connects: the handshake brings them along in `auth`.
 *
 * @throws {TypeError} if `live` is not a client
 * @example
 * keepTab(live)
 */
export function keepTab(live: AnyClient): Unsubscribe {
  const { dispatch, doing, endpoint, initial, onClose, page, socket } = insideOf(live)
  const name = `live-session:${endpoint}`
  let left = tried(() => sessionStorage[name])
  let text = left
  const own = (): readonly string[] => tried(() => JSON.parse(text)[1]) ?? []
  const bring = (value: string, seconds: number): void => {
    tried(() => Object.assign(document, { cookie: `${TAB_COOKIE}=${value};path=/;max-age=${seconds};samesite=lax` }))
  }
  // Only this event comes before the next request goes out, however the page is left. iOS has none: there the first HTML has defaults.
  const leave = (): void => {
    const value = own().join('~')
    if (value.length <= MAX_LENGTH) bring(value, 5)
  }
  const { keep, take } = doing
  doing.keep = (others) => {
    keep(others)
    if (!page.isKept) return
    text = remainsOf(page, true)
    tried(() => (sessionStorage[name] = text))
    // Firefox keeps no page with such a listener in its back/forward cache.
    globalThis[text ? 'addEventListener' : 'removeEventListener']?.(LEAVE, leave)
  }
  // As pages take up what others have left: only of the same visitor, once that is known.
  const restore = (): void => {
    dispatch('restored', [left])
    if (page.who) left = ''
  }
  doing.take = () => {
    take()
    restore()
  }

  bring('', 0)
  // What the HTML says of them may be another tab's: hydration alone began with it.
  for (const key of initial?.tab ?? []) {
    const field = fieldOf(page, key)
    reset(page, field, true)
    field.isTab = true
  }
  restore()
  if (socket) {
    const { auth } = socket
    socket.auth = (send) => {
      const add = (given?: object): void => send({ ...given, [TAB_AUTH]: own() })
      if (typeof auth === 'function') auth(add)
      else add(auth)
    }
  }
  const end = (): void => {
    Object.assign(doing, { keep, take })
    globalThis.removeEventListener?.(LEAVE, leave)
  }
  onClose(end)
  return end
}
