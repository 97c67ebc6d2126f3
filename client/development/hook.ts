// The export of `client/hook.ts` for development and Node: the same types, with a check of the socket.

import { storeSession as store } from '../hook.js'

export const storeSession: typeof store = (socket, options) => {
  if (typeof socket?.on === 'function') return store(socket, options)
  throw new TypeError(
    `koa-live-session: storeSession(socket): expected a socket, received ${typeof socket}. Pass storeSession(io())`,
  )
}
