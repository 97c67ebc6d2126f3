// Follows hand-offs to routes: POSTs each token by a form.

import type { Unsubscribe } from '../shared/observable.js'
import { HAND_OFF, HAND_OFF_FIELD } from '../shared/protocol.js'
import { internalsOf } from './internals.js'
import type { AnyClient } from './types.js'

/** ms during which a page counts as navigating after a hand-off. */
const ON_THE_WAY = 2000

let freeAt = 0

/**
 * Follows each `socket.liveSession.handOff` to its target: a form POSTs the token to the endpoint. So the browser itself handles the
 * cookies and redirects of the responses, and no URL contains the token. Needs a socket.
 *
 * @throws {TypeError} if `live` is not a client
 * @example
 * followHandOffs(live)
 */
export function followHandOffs(live: AnyClient): Unsubscribe {
  const { socket, posts, onClose } = internalsOf(live)
  // The event names no target URL, because an app may relay an event that another client has forged.
  const follow = (token: string): void => {
    // A second submit would cancel the first submit's response and lose its cookies. Outside a browser there is no document.
    const { document, performance } = globalThis
    const now = performance.now()
    if (now < freeAt || !document) return
    freeAt = now + ON_THE_WAY
    const form = Object.assign(document.createElement('form'), {
      method: 'post',
      action: posts.endpoint,
      target: '_self',
      hidden: true,
    })
    form.append(Object.assign(document.createElement('input'), { name: HAND_OFF_FIELD, value: token }))
    document.body.append(form)
    form.submit()
  }
  const unsubscribe = (): void => void socket?.off(HAND_OFF, follow)
  socket?.on(HAND_OFF, follow)
  onClose(unsubscribe)
  return unsubscribe
}
