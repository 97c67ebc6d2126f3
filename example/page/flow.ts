import type { PageAnswer, PageMessage } from 'koa-live-session'
import type { LiveSessionClient } from 'koa-live-session/client'
import type { ViewSocket } from './viewer.js'

/** The stations of a change from this page, in order. The store is there only with several nodes. */
export const STATIONS = ['page', 'socket', 'memory', 'store', 'ticket', 'post', 'cookie'] as const
export type Station = (typeof STATIONS)[number]

/** The trip of a change from station to station. */
export interface Trip {
  readonly key: string
  /** Its start, in ms since the page load. */
  readonly began: number
  /** The ms from the start to each station reached, in order. */
  readonly steps: ReadonlyMap<Station, number>
  /**
   * `saved`, `offline`, `overtaken` by the next change of the key, or the reason of a refusal; undefined while in flight. `elsewhere`: the
   * change came from another page.
   */
  readonly outcome: string | undefined
}

/** Tracks the changes shown by this page. */
export interface Flow {
  /** The last trips, the newest first. */
  readonly trips: () => readonly Trip[]
  /** Records that the store has the key's current value. */
  readonly stored: (key: string) => void
}

const KEPT = 5
const SYNC = 'live_session:exchange'
/** A packet of socket.io that acknowledges a message with a ticket. */
const ANSWER = RegExp(`^3\\d+\\[.*"${'ticket' satisfies keyof PageAnswer}":`)

type Draft = { -readonly [K in keyof Trip]: Trip[K] } & { readonly steps: Map<Station, number> }

/**
 * Tracks each change by events of the client and the socket, by the page's requests, and by the server's `taken` event.
 *
 * @param onNews called after each step
 */
export function followFlow(socket: ViewSocket, live: LiveSessionClient, onNews: () => void): Flow {
  const trips: Draft[] = []
  const now = (): number => performance.now()
  /** Send times by key: the client sends a change before it notifies listeners. */
  const sent = new Map<string, number>()
  const isUnderWay = ({ outcome }: Draft): boolean => outcome === undefined || outcome === 'offline'
  const begin = (key: string, first: Station, outcome?: string): void => {
    for (const trip of trips) if (trip.key === key && isUnderWay(trip)) trip.outcome = 'overtaken'
    const at = first === 'page' ? sent.get(key) : undefined
    const began = at ?? now()
    trips.unshift({
      key,
      began,
      steps: new Map([[first, 0], ...(at === undefined ? [] : [['socket', 0] as const])]),
      outcome,
    })
    trips.length = Math.min(trips.length, KEPT)
    onNews()
  }
  /** Records that changes have reached a station, each only once: a retry adds nothing. */
  const reach = (station: Station, at: number, is: (trip: Draft) => boolean): void => {
    const reached = trips.filter((trip) => !trip.steps.has(station) && trip.began <= at && is(trip))
    for (const { began, steps } of reached) steps.set(station, at - began)
    if (reached.length > 0) onNews()
  }

  live.onChange(({ key, source }) => {
    if (source === 'request') begin(key, 'page')
    else if (!trips.some((trip) => trip.key === key && isUnderWay(trip))) begin(key, 'ticket', 'elsewhere')
  })
  live.onStatus((key, { status, reason }) => {
    const trip = trips.find((one) => one.key === key && isUnderWay(one))
    if (!trip) return
    if (status === 'saved') reach('cookie', now(), (one) => one === trip)
    trip.outcome = status === 'saving' ? undefined : (reason ?? status)
    onNews()
  })
  socket.onAnyOutgoing((event: string, message: PageMessage) => {
    const keys = event === SYNC ? (message.set ?? []).map(([key]) => key) : []
    for (const key of keys) sent.set(key, now())
    queueMicrotask(() => sent.clear())
    reach('socket', now(), (trip) => keys.includes(trip.key) && isUnderWay(trip))
  })
  socket.on('taken', (key) => reach('memory', now(), (trip) => trip.key === key && trip.steps.has('socket')))
  const reachTicket = (): void => reach('ticket', now(), (trip) => trip.steps.has('memory') && isUnderWay(trip))
  socket.on('store_session', reachTicket)
  // The ticket of this page's own change comes with the acknowledgement, which is no event of the socket.
  const watchAnswers = (): void => {
    socket.io.engine.on('packet', ({ type, data }) => {
      if (type === 'message' && ANSWER.test(String(data))) reachTicket()
    })
  }
  if (socket.connected) watchAnswers()
  socket.on('connect', watchAnswers)
  // The browser reports the start time of a request later.
  new PerformanceObserver((list) => {
    for (const { name, startTime } of list.getEntries())
      if (name.endsWith('/store_session')) reach('post', startTime, (trip) => trip.steps.has('ticket'))
  }).observe({ type: 'resource' })

  return {
    trips: () => trips,
    stored: (key) => reach('store', now(), (trip) => trip.key === key && trip.steps.has('memory')),
  }
}
