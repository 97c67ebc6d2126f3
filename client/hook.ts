/**
 * The small hook, 0.85 kB, for pages that the server renders and that need no values of their own.
 *
 * @module koa-live-session/hook
 */
import type { Fields } from '../shared/field-types.js'
import { DEFAULT_ENDPOINT, STORE_SESSION, type TicketClaims } from '../shared/protocol.js'
import type { AnySocket, LiveSessionClientOptions } from './types.js'

/** The options of `storeSession(socket, options)`, as those of `createLiveSession`. */
export interface StoreSessionOptions
  extends Pick<LiveSessionClientOptions<Fields>, 'endpoint' | 'credentials' | 'headers'> {}

/** ms in which changes are collected for one POST; after a failure it rests. */
const LEAST_WAIT = 100
const REST = 5000
/** Seconds after which a page that is used POSTs. */
const RENEWAL = 300
/** Also where a part of the page keeps its events to itself. */
const CAPTURE = { capture: true }
const USES = ['keydown', 'pointerdown']
/** Characters of tickets in one POST. */
const ROOM = 48_000

/**
 * The small hook, for pages that the server renders: POSTs what `store_session` brings, so that the cookie has it and it
 * survives a restart. It keeps no values and says no status.
 *
 * @param socket the page's socket
 * @param options as those of `createLiveSession`
 * @returns its end
 * @example
 * storeSession(io())
 */
export function storeSession(
  socket: AnySocket,
  { endpoint = DEFAULT_ENDPOINT, headers, ...others }: StoreSessionOptions = {},
): () => void {
  /** By visitor and key, the newest change that the endpoint has not taken yet: a greeting after a restart may know less. */
  const unsaved = new Map<string, readonly [stamp: number, ticket: string]>()
  let planned: unknown
  /** The connection came without the browser's cookie: its tickets can never be redeemed. */
  let isStrange = false
  /** The public name of the browser's id; ms since 1970 of the last POST, and seconds after which one is made only because the page is used. */
  let subject: string | undefined
  let posted = Date.now()
  let life = RENEWAL
  let isOver = false

  /** Brings tickets; without any it renews the cookie of its browser, or asks for the right one. */
  const send = async (tickets?: readonly string[], own?: string): Promise<void> => {
    let wait = REST
    posted = Date.now()
    try {
      const answer = await fetch(endpoint, {
        method: 'POST',
        // Goes on when the page is left. A question does not: its late answer could replace the cookie of the guest who comes next.
        keepalive: !!tickets,
        ...others,
        headers: { ...(typeof headers === 'function' ? headers() : headers), 'content-type': 'application/json' },
        body: JSON.stringify({ tickets, subject: own }),
      })
      const { held, error } = await answer.json()
      // One bad ticket has refused all: it is given up, and the others go out again. What says neither is not ours.
      const over = held ? tickets : [tickets?.[error.index]]
      for (const [name, [, ticket]] of unsaved) if (over?.includes(ticket) && unsaved.delete(name)) wait = LEAST_WAIT
    } catch {}
    plan(wait)
  }
  const post = (): void => {
    // Not at its end: an answer that never comes keeps nothing back.
    planned = undefined
    const tickets = [...new Set([...unsaved.values()].map(([, ticket]) => ticket))]
    // The others go with the next.
    while (String(tickets).length > ROOM) tickets.pop()
    if (tickets[0]) void send(tickets)
  }
  const plan = (wait: number): void => {
    if (!planned) planned = setTimeout(post, wait)
  }
  /** The cookie is missing, or another's: has the right one brought, and comes back with it. */
  const ask = async (): Promise<void> => {
    isStrange = true
    if (!isOver) await send()
    if (!isOver) socket.disconnect().connect()
  }
  const use = (): void => {
    if (subject && Date.now() - posted >= life * 1000) void send(undefined, subject)
  }
  const hear = (ticket: string): void => {
    const [, payload = ''] = ticket.split('.')
    // In it text beyond ASCII is not read right: only keys are looked at.
    const { changes, defaults, sub, epoch, browser, renew }: TicketClaims = JSON.parse(
      atob(payload.replace(/-/g, '+').replace(/_/g, '/')),
    )
    if (defaults) {
      subject = browser
      life = renew ?? RENEWAL
    }
    if (browser) isStrange = false
    // Its defaults tell a greeting from a change.
    // A browser that keeps no cookie is asked once.
    else if (defaults && !isStrange) void ask()
    for (const [key, stamp] of isStrange ? [] : changes) {
      const name = `${[sub, epoch, key]}`
      if ((unsaved.get(name)?.[0] ?? 0) <= stamp) unsaved.set(name, [stamp, ticket])
    }
    plan(LEAST_WAIT)
  }
  /** Such a socket does not connect again by itself. */
  const refused = ({ data }: { readonly data?: { readonly code?: string } }): void => {
    if (data?.code === 'other_subject') isStrange ? setTimeout(ask, REST) : void ask()
  }

  socket.on(STORE_SESSION, hear).on('connect_error', refused)
  addEventListener('pagehide', post)
  for (const event of USES) addEventListener(event, use, CAPTURE)
  return () => {
    socket.off(STORE_SESSION, hear).off('connect_error', refused)
    removeEventListener('pagehide', post)
    for (const event of USES) removeEventListener(event, use, CAPTURE)
    unsaved.clear()
    isOver = true
  }
}
