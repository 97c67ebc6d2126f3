import type { Fields } from '../shared/field-types.js'
import { DEFAULT_ENDPOINT, STORE_SESSION, type TicketClaims } from '../shared/protocol.js'
import type { Stamp } from '../shared/stamp.js'
import type { AnySocket, LiveSessionClientOptions } from './types.js'

export interface StoreSessionOptions
  extends Pick<LiveSessionClientOptions<Fields>, 'endpoint' | 'credentials' | 'headers'> {}

/** ms in which changes are collected for one POST; after a failure it rests. */
const LEAST_WAIT = 100
const REST = 5000
/** Characters of tickets in one POST. */
const ROOM = 48_000

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
    // Not at its end: an answer that never comes keeps nothing back.
    isPlanned = false
    const tickets = [...new Set([...unsaved.values()].map(([, ticket]) => ticket))]
    // The others go with the next.
    while (tickets.join('').length > ROOM) tickets.pop()
    if (!tickets[0]) return
    try {
      const answer = await fetch(endpoint, {
        method: 'POST',
        // Goes on when the page is left.
        keepalive: true,
        credentials,
        headers: { ...(typeof headers === 'function' ? headers() : headers), 'content-type': 'application/json' },
        body: JSON.stringify({ tickets }),
      })
      const { held, error } = await answer.json()
      // One bad ticket has refused all: it is given up, and the others go out again. What says neither is not ours.
      const over = held ? tickets : [tickets[error.index]]
      for (const [key, [, ticket]] of unsaved) if (over.includes(ticket)) unsaved.delete(key)
      wait = over[0] ? LEAST_WAIT : REST
    } catch {
      wait = REST
    }
    plan()
  }
  const plan = (): void => {
    if (!isPlanned && unsaved.size > 0) isPlanned = !!setTimeout(post, wait)
  }
  const hear = (ticket: string): void => {
    const { changes }: TicketClaims = JSON.parse(atob(payloadOf(ticket)))
    for (const [key, stamp] of changes) if (stamp > (unsaved.get(key)?.[0] ?? 0)) unsaved.set(key, [stamp, ticket])
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

/** In it text beyond ASCII is not read right: only keys and stamps are looked at. */
function payloadOf(ticket: string): string {
  return (ticket.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')
}
