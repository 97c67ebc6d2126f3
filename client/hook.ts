/**
 * A small hook, 0.8 kB, for server-rendered pages without client-side values.
 *
 * @module koa-live-session/hook
 */

// Import only types, which cost no bytes: the strings are repeated below.
import type {
  DEFAULT_ENDPOINT,
  EXCHANGE,
  PageAnswer,
  PageMessage,
  PostBody,
  RENEWAL,
  STORE_SESSION,
  TicketClaims,
} from '../shared/protocol.js'
import type { Fields } from '../shared/types.js'
import type { LiveSessionClientOptions, PageSocket } from './types.js'

/** The options of `storeSession(socket, options)`, like those of `createLiveSession`. */
export interface StoreSessionOptions
  extends Pick<LiveSessionClientOptions<Fields>, 'endpoint' | 'credentials' | 'headers'> {}

/**
 * A small hook for server-rendered pages: POSTs the tickets of `store_session` events. The responses store the tickets' changes in the
 * cookie, where they survive a server restart. Keeps no values and reports no status. Do not use the hook on the socket of a
 * `createLiveSession` client: that client POSTs its changes itself, and the hook would miss them.
 *
 * @param socket the page's socket
 * @param options like those of `createLiveSession`
 * @returns a function that stops the hook
 * @example
 * storeSession(io())
 */
export function storeSession(socket: PageSocket, options: StoreSessionOptions = {}): () => void {
  /** By key, the newest change not yet accepted by the endpoint. */
  const unsaved = new Map<string, readonly [ticket: string, stamp: number]>()
  /** The connection's visitor, if the handshake had the browser's cookie; without a cookie the endpoint cannot store tickets. */
  let who: string | undefined
  /** Counts the connections that were refused or lacked the visitor's cookie, since the last connection with that cookie. */
  let asked = 0
  /** The timer of the next POST. */
  let planned: unknown
  /** The timer of the next attempt after a refusal. */
  let refusal: unknown
  /** The time of the last POST, in ms since 1970. */
  let posted = Date.now()
  /** ms after the last POST until a page in use POSTs again, to renew the cookie. */
  let life: number
  /** ms to wait for a connection to name its visitor. */
  let timeout = 4e3
  let isOver: boolean | undefined

  /**
   * Plans a POST in 100 ms, which collects changes. After a refusal, or without an answer, `send` has already planned the next POST 5 s
   * later. Exponential backoff, as in `client/core/sending`, would add too many bytes to the hook.
   */
  const plan = (): void => {
    if (!planned) planned = setTimeout(post, 100)
  }
  const post = (): void => {
    planned = 0
    const tickets = [...new Map(unsaved.values()).keys()]
    // Neither the endpoint nor a `keepalive` fetch accepts a longer body: the next POST has the other tickets.
    while (`${tickets}`.length > 65e3) tickets.pop()
    if (who && (tickets[0] || posted + life < Date.now())) void send(tickets)
  }
  /** POSTs tickets; the response also renews the cookie. Without `tickets`, requests the visitor's cookie, and reconnects with it. */
  const send = async (tickets?: readonly string[]): Promise<void> => {
    let persisted: PageAnswer['persisted'] | undefined
    planned = setTimeout(post, 5000)
    posted = Date.now()
    // Send nothing after the hook was stopped.
    if (!isOver)
      try {
        const answer: PostBody = await (
          await fetch(options.endpoint ?? ('/store_session' satisfies typeof DEFAULT_ENDPOINT), {
            method: 'POST',
            // Only a POST of tickets may outlive the page: the late response to another POST could replace the next guest's cookie.
            keepalive: !!tickets,
            ...options,
            headers: {
              ...(typeof options.headers === 'function' ? options.headers() : options.headers),
              'content-type': 'application/json',
            },
            body: JSON.stringify({ who: tickets && who, tickets } satisfies PageMessage),
          })
        ).json()
        // If a bad ticket made the server refuse all, discard it and resend the others. Only our server answers `persisted` or `error`.
        persisted = answer.persisted
        const over = persisted ? tickets : [tickets?.[answer.error?.index as number]]
        for (const [key, [ticket]] of unsaved) if (over?.includes(ticket)) unsaved.delete(key)
        if (persisted) planned = 0
        plan()
        // Another visitor now uses this browser: reconnect with the new cookie.
        if (answer.otherVisitor && !isOver) socket.disconnect().connect()
      } catch {}
    if (tickets || isOver) return
    if (persisted || !socket.active) socket.disconnect().connect()
    // Nothing else would ask again.
    else setTimeout(askAgain, 5000)
  }
  const onTicket = (ticket: string): void => {
    // `atob` garbles non-ASCII text, but only keys and stamps matter. After a restart, the server may send older changes: skip them.
    for (const [key, stamp] of (JSON.parse(atob(`${ticket.split('.')[1]}`.replace(/[-_]/g, '/'))) as TicketClaims)
      .changes)
      if (stamp >= (unsaved.get(key)?.[1] ?? 0)) unsaved.set(key, [ticket, stamp])
    plan()
  }
  const greet = (): void => {
    if (socket.connected)
      socket
        .timeout(timeout)
        .emit(
          'live_session:exchange' satisfies typeof EXCHANGE,
          { who } satisfies PageMessage,
          (lost: unknown, answer: PageAnswer) => {
            if (!lost) {
              who = answer.hasCookie && answer.who
              life = (answer.renew ?? (300 satisfies typeof RENEWAL)) * 1e3
              // Earlier tickets may be the former visitor's; the greeting has all values of the new visitor.
              if (answer.otherVisitor) {
                unsaved.clear()
                answer.greeting?.forEach(onTicket)
              }
              // POST the tickets that waited for this answer. If the browser keeps no cookie, request one only until an answer comes.
              plan()
              if (who) asked = 0
              else if (!asked++) void send()
              // An open connection may be dead, as after a change of networks. The timeout doubles, because the server may be slow.
            } else if (socket.connected && !isOver) {
              timeout *= 2
              socket.disconnect().connect()
            }
          },
        )
  }
  const askAgain = (): void => {
    asked = 0
    if (!isOver) greet()
  }
  const retry = (): void => {
    refusal = 0
    // The app may have reconnected the socket itself.
    if (!socket.active) void send()
  }
  /** Plans to reconnect a refused socket, which socket.io does not retry. */
  const refused = (): void => {
    if (!refusal && !socket.active) refusal = setTimeout(retry, asked++ && 5000)
  }
  const toggle = (way: 'on' | 'off', listen: typeof addEventListener): void => {
    socket[way]('store_session' satisfies typeof STORE_SESSION, onTicket)
      [way]('connect', greet)
      [way]('connect_error', refused)
    listen('pagehide', post)
    // Listen with capture, because a part of the page may stop the propagation of its events.
    listen('keydown', plan, true)
    listen('pointerdown', plan, true)
  }

  toggle('on', addEventListener)
  greet()
  return () => {
    toggle('off', removeEventListener)
    unsaved.clear()
    isOver = true
  }
}
