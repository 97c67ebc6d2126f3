/**
 * The small hook, 0.75 kB, for pages that the server renders and that need no values of their own.
 *
 * @module koa-live-session/hook
 */
import type { Fields } from '../shared/field-types.js'
// Types alone, which cost no bytes: the texts are written out below.
import type { DEFAULT_ENDPOINT, STORE_SESSION, SYNC, SyncAnswer } from '../shared/protocol.js'
import type { AnySocket, LiveSessionClientOptions } from './types.js'

/** The options of `storeSession(socket, options)`, as those of `createLiveSession`. */
export interface StoreSessionOptions
  extends Pick<LiveSessionClientOptions<Fields>, 'endpoint' | 'credentials' | 'headers'> {}

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
export function storeSession(socket: AnySocket, options: StoreSessionOptions = {}): () => void {
  /** By key, the newest change that the endpoint has not taken yet. */
  const unsaved = new Map<string, readonly [ticket: string, stamp: number]>()
  /** Whose the connection is, where it has brought the browser's cookie: else nothing of it can be stored. */
  let who: string | undefined
  /** How often the right cookie was asked for, since a connection has brought it. */
  let asked = 0
  /** The timer of the next POST. */
  let planned: unknown
  /** ms since 1970 of the last POST, and ms after which one is made only because the page is used. */
  let posted = Date.now()
  let life: number
  let isOver: boolean | undefined

  /** Changes are collected for 100 ms. After a refusal, or where an answer does not come, what is left goes out again 5 s later. */
  const plan = (): void => {
    if (!planned) planned = setTimeout(post, 100)
  }
  const post = (): void => {
    planned = 0
    const tickets = [...new Map(unsaved.values()).keys()]
    // As much as the endpoint takes, and a browser sends with keepalive: the others go with the next.
    while (`${tickets}`.length > 65e3) tickets.pop()
    if (who && (tickets[0] || posted + life < Date.now())) void send(tickets)
  }
  /** Brings tickets, and renews the cookie by it. Without any it asks for the right cookie, and comes back with it. */
  const send = async (tickets?: readonly string[]): Promise<void> => {
    planned = setTimeout(post, 5000)
    posted = Date.now()
    // Once it is over nothing goes out.
    if (!isOver)
      try {
        const { held, error, dropped } = await (
          await fetch(options.endpoint ?? ('/store_session' satisfies typeof DEFAULT_ENDPOINT), {
            method: 'POST',
            // Goes on when the page is left. A question does not: its late answer could replace the cookie of the guest who comes next.
            keepalive: !!tickets,
            ...options,
            headers: {
              ...(typeof options.headers === 'function' ? options.headers() : options.headers),
              'content-type': 'application/json',
            },
            body: JSON.stringify({ who: tickets && who, tickets }),
          })
        ).json()
        // One bad ticket has refused all: it is given up, and the others go out again. What says neither is not ours.
        const over = held ? tickets : [tickets?.[error.index]]
        for (const [key, [ticket]] of unsaved) if (over?.includes(ticket)) unsaved.delete(key)
        if (held) planned = 0
        plan()
        // Another visitor is at this browser now: it comes back as that one.
        if (dropped) socket.disconnect().connect()
      } catch {}
    if (!tickets && !isOver) socket.disconnect().connect()
  }
  const hear = (ticket: string): void => {
    // Text in it is not read right: only keys and stamps are looked at.
    // A server that was restarted may know less than what is still to be brought.
    for (const [key, stamp] of JSON.parse(atob(`${ticket.split('.')[1]}`.replace(/[-_]/g, '/'))).changes)
      if (stamp >= (unsaved.get(key)?.[1] ?? 0)) unsaved.set(key, [ticket, stamp])
    plan()
  }
  const greet = (): void => {
    if (socket.connected)
      socket.emit('live_session:sync' satisfies typeof SYNC, { who }, (answer: SyncAnswer) => {
        who = answer.kept && answer.who
        life = (answer.renew ?? 300) * 1e3
        // What came before it may have been the former visitor's, or the new one's.
        if (answer.dropped) {
          unsaved.clear()
          answer.greeting?.forEach(hear)
        }
        // A browser that keeps no cookie is asked once.
        // What came before this answer waits for it.
        plan()
        if (who) asked = 0
        else if (!asked++) void send()
      })
  }
  /** Such a socket does not connect again by itself. */
  const refused = (error: { readonly data?: { readonly code?: string } }): void => {
    if (error.data?.code) setTimeout(send, asked++ && 5000)
  }
  const turn = (way: 'on' | 'off', listen: typeof addEventListener): void => {
    socket[way]('store_session' satisfies typeof STORE_SESSION, hear)
      [way]('connect', greet)
      [way]('connect_error', refused)
    listen('pagehide', post)
    // Also where a part of the page keeps its events to itself.
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
