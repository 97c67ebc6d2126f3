import type { Fields } from '../shared/field-types.js'
import { DEFAULT_ENDPOINT, STORE_SESSION, type TicketClaims } from '../shared/protocol.js'
import type { Stamp } from '../shared/stamp.js'
import type { AnySocket, LiveSessionClientOptions } from './types.js'

export interface StoreSessionOptions
  extends Pick<LiveSessionClientOptions<Fields>, 'endpoint' | 'credentials' | 'headers'> {}

/** ms in which changes are collected for one POST; doubled after each failure, up to half a minute. */
const LEAST_WAIT = 100
const MOST_WAIT = 30_000

/**
 * The small hook, for pages that the server renders: POSTs what `store_session` brings, so that the cookie has it and it
 * survives a restart. It keeps no values and says no status. Returns its end.
 *
 * @example
 * storeSession(io())
 */
export function storeSession(
  socket: AnySocket,
  { endpoint = DEFAULT_ENDPOINT, credentials = 'same-origin', headers = {} }: StoreSessionOptions = {},
): () => void {
  /** By key, the newest change that the endpoint has not taken yet. */
  const unsaved = new Map<string, readonly [stamp: Stamp, ticket: string]>()
  let wait = LEAST_WAIT
  let isPlanned = false

  const post = async (): Promise<void> => {
    const tickets = [...new Set([...unsaved.values()].map(([, ticket]) => ticket))]
    if (tickets[0])
      try {
        const answer = await fetch(endpoint, {
          method: 'POST',
          // Goes on when the page is left.
          keepalive: true,
          credentials,
          headers: { ...(typeof headers === 'function' ? headers() : headers), 'content-type': 'application/json' },
          body: JSON.stringify({ tickets }),
        })
        const { error } = await answer.json()
        // One bad ticket has refused all: it is given up, and the others go out again.
        const over = error ? [tickets[error.index]] : tickets
        if (!over[0]) throw error
        for (const [key, [, ticket]] of unsaved) if (over.includes(ticket)) unsaved.delete(key)
        wait = LEAST_WAIT
      } catch {
        wait = Math.min(2 * wait, MOST_WAIT)
      }
    isPlanned = false
    if (unsaved.size > 0) plan()
  }
  const plan = (): void => {
    if (!isPlanned) setTimeout(post, wait)
    isPlanned = true
  }
  const hear = (ticket: string): void => {
    for (const [key, stamp] of changesOf(ticket))
      if (stamp > (unsaved.get(key)?.[0] ?? 0)) unsaved.set(key, [stamp, ticket])
    plan()
  }

  socket.on(STORE_SESSION, hear)
  addEventListener('pagehide', post)
  return () => {
    socket.off(STORE_SESSION, hear)
    removeEventListener('pagehide', post)
    unsaved.clear()
  }
}

/** Keys and stamps: text beyond ASCII is not read right, and not looked at. */
function changesOf(ticket: string): TicketClaims['changes'] {
  const [, payload = ''] = ticket.split('.')
  return JSON.parse(atob(payload.replace(/-/g, '+').replace(/_/g, '/'))).changes
}
