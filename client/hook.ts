/**
 * A small hook, 0.78 kB, for server-rendered pages that need no values of their own.
 *
 * @module koa-live-session/hook
 */
import type { Fields } from '../shared/field-types.js'
// Only types, which cost no bytes: the strings are written out below.
import type { DEFAULT_ENDPOINT, STORE_SESSION, SYNC, SyncAnswer } from '../shared/protocol.js'
import type { AnySocket, LiveSessionClientOptions } from './types.js'

/** The options of `storeSession(socket, options)`, like those of `createLiveSession`. */
export interface StoreSessionOptions
  extends Pick<LiveSessionClientOptions<Fields>, 'endpoint' | 'credentials' | 'headers'> {}

/**
 * POSTs what `store_session` brings, so that the cookie has it and it survives a restart: a small hook for server-rendered pages. It keeps
 * no values and reports no status.
 *
 * @param socket the page's socket
 * @param options like those of `createLiveSession`
 * @returns a function that ends it
 * @example
 * storeSession(io())
 */
export function storeSession(socket: AnySocket, options: StoreSessionOptions = {}): () => void {
  /** By key, the newest change that the endpoint has not yet accepted. */
  const unsaved = new Map<string, readonly [ticket: string, stamp: number]>()
  /** The connection's visitor, if it brought the browser's cookie: otherwise nothing from it can be stored. */
  let who: string | undefined
  /** How often the right cookie was requested since a connection last brought it. */
  let asked = 0
  /** The timer of the next POST. */
  let planned: unknown
  /** The last POST in ms since 1970, and ms after which one is made just because the page is in use. */
  let posted = Date.now()
  let life: number
  /** ms for a connection to say whose it is. */
  let patience = 4e3
  let isOver: boolean | undefined

  /** Changes are collected for 100 ms. After a refusal, or without an answer, the rest is sent again 5 s later. */
  const plan = (): void => {
    if (!planned) planned = setTimeout(post, 100)
  }
  const post = (): void => {
    planned = 0
    const tickets = [...new Map(unsaved.values()).keys()]
    // As much as the endpoint accepts, and browsers send with keepalive: the others go with the next POST.
    while (`${tickets}`.length > 65e3) tickets.pop()
    if (who && (tickets[0] || posted + life < Date.now())) void send(tickets)
  }
  /** Sends tickets, which renews the cookie. Without any, it requests the right cookie, and reconnects with it. */
  const send = async (tickets?: readonly string[]): Promise<void> => {
    planned = setTimeout(post, 5000)
    posted = Date.now()
    // Nothing is sent after the end.
    if (!isOver)
      try {
        const { held, error, dropped } = await (
          await fetch(options.endpoint ?? ('/store_session' satisfies typeof DEFAULT_ENDPOINT), {
            method: 'POST',
            // Outlives the page only with tickets: the late response to a question could replace the next guest's cookie.
            keepalive: !!tickets,
            ...options,
            headers: {
              ...(typeof options.headers === 'function' ? options.headers() : options.headers),
              'content-type': 'application/json',
            },
            body: JSON.stringify({ who: tickets && who, tickets }),
          })
        ).json()
        // One bad ticket had all refused: it is given up, and the others are sent again. A response with neither is not ours.
        const over = held ? tickets : [tickets?.[error.index]]
        for (const [key, [ticket]] of unsaved) if (over?.includes(ticket)) unsaved.delete(key)
        if (held) planned = 0
        plan()
        // Another visitor now uses this browser: reconnect as that one.
        if (dropped) socket.disconnect().connect()
      } catch {}
    if (!tickets && !isOver) socket.disconnect().connect()
  }
  const hear = (ticket: string): void => {
    // This garbles text, but only keys and stamps are read. A restarted server may know less than what is still unsaved.
    for (const [key, stamp] of JSON.parse(atob(`${ticket.split('.')[1]}`.replace(/[-_]/g, '/'))).changes)
      if (stamp >= (unsaved.get(key)?.[1] ?? 0)) unsaved.set(key, [ticket, stamp])
    plan()
  }
  const greet = (): void => {
    if (socket.connected)
      socket
        .timeout(patience)
        .emit('live_session:sync' satisfies typeof SYNC, { who }, (lost: unknown, answer: SyncAnswer) => {
          // An open connection may be dead, as after a change of networks. One to a slow server gets more time.
          if (lost) {
            if (socket.connected && !isOver) {
              patience *= 2
              socket.disconnect().connect()
            }
            return
          }
          who = answer.kept && answer.who
          life = (answer.renew ?? 300) * 1e3
          // Earlier tickets may be the former visitor's or the new one's.
          if (answer.dropped) {
            unsaved.clear()
            answer.greeting?.forEach(hear)
          }
          // A browser that keeps no cookie is asked only once. Earlier tickets have waited for this answer.
          plan()
          if (who) asked = 0
          else if (!asked++) void send()
        })
  }
  /** A refused socket does not reconnect by itself. */
  const refused = (error: { readonly data?: { readonly code?: string } }): void => {
    if (error.data?.code) setTimeout(send, asked++ && 5000)
  }
  const turn = (way: 'on' | 'off', listen: typeof addEventListener): void => {
    socket[way]('store_session' satisfies typeof STORE_SESSION, hear)
      [way]('connect', greet)
      [way]('connect_error', refused)
    listen('pagehide', post)
    // Capture, as part of the page may stop the propagation of its events.
    listen('keydown', plan, true)
    listen('pointerdown', plan, true)
  }

  turn('on', addEventListener)
  greet()
  return () => {
    turn('off', removeEventListener)
    unsaved.clear()
    isOver = true
  }
}
