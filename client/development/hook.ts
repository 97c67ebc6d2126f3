// The export of `client/hook.ts` for development and Node: the same types, with a check of the socket and warnings of its refusals.

import { storeSession as store } from '../hook.js'
import { warnOfBase, warnOfRefusals } from './warning.js'

export const storeSession: typeof store = (socket, options) => {
  if (typeof socket?.on !== 'function')
    throw new TypeError(
      `koa-live-session: storeSession(socket): expected a socket, received ${typeof socket}. Pass storeSession(io())`,
    )
  warnOfBase(options?.endpoint)
  const endWarnings = warnOfRefusals(socket)
  const end = store(socket, options)
  return () => {
    endWarnings()
    end()
  }
}
