import type { Socket } from 'socket.io-client'
import {
  FIRST_SENDING,
  SET,
  type SetAnswer,
  STORE_SESSION,
  TICKETS,
  type TicketsAnswer,
  type WireChange,
} from '../shared/protocol.js'
import { NEVER } from '../shared/stamp.js'
import type { Draft, Outbox } from './outbox.js'
import { type PostError, type PostOptions, post } from './post.js'
import { readTicket } from './ticket.js'
import type { Values } from './values.js'

export interface DeliveryOptions extends PostOptions {
  readonly socket: Socket | undefined
  /** The subjects of the page; none where the page does not say. */
  readonly subjects: readonly string[]
  /** The first values are known. */
  onReady(): void
  /** Something may have got further. */
  onProgress(): void
}

/** Brings drafts to the server and tickets into the cookie, for as long as it takes. */
export interface Delivery {
  isOffline(): boolean
  /** Sends what there is to send. */
  send(): void
  /** The same, without waiting for the next turn. */
  hurry(): void
  close(): void
}

/** What the server would do at another time: the change is kept, and sent again. */
const LATER: readonly unknown[] = ['rate_limited', 'closed', 'store_unavailable']
/** ms to wait for a socket's answer. */
const PATIENCE = 10_000
/** ms between POSTs that carry news: a slider that is dragged costs a handful a second. */
const INTERVAL = 250
/** ms of the longest pause between two tries. */
const MAX_PAUSE = 30_000
/** Characters of tickets in one POST. */
const ROOM = 48_000
/** How many good answers, with no cookie coming back, prove that the browser keeps none. */
const MAX_UNCONFIRMED = 3
/** What to do where something else than the endpoint has answered. */
const REMEDIES: Readonly<Record<number, string>> = {
  403: 'Where the app guards its POSTs with a token pass headers',
  404: "Behind a sub-path pass endpoint: '/tools/store_session'",
}

export function createDelivery(options: DeliveryOptions, values: Values, outbox: Outbox): Delivery {
  const { socket, onProgress } = options
  let subjects = options.subjects
  /** The epoch of the page's subject, as far as it was told. */
  let known = Number.POSITIVE_INFINITY
  let isGreeting = true
  let isOffline = false
  let isPosting = false
  let isClosed = false
  let failures = 0
  let lastNews = 0
  let warned = 0
  let wake = (): void => undefined
  /** How many good answers each ticket has had that did not show it in the cookie. */
  const unconfirmed = new Map<string, number>()

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  /** Pauses longer after each failure, and never as long as other browsers do: they all lost the same server. */
  const backOff = (least: number): Promise<void> => {
    failures += 1
    return pause(Math.max(least, Math.min(MAX_PAUSE, 250 * 2 ** failures) * (0.5 + Math.random() / 2)))
  }

  /** A draft as it goes out. When it is sent again it says what was known at its first sending. */
  const outgoing = (draft: Draft): WireChange => {
    const { key, value, seen } = draft
    draft.isSent = true
    if (seen === FIRST_SENDING) draft.seen = values.stamp(key)
    return value === undefined ? [key, seen] : [key, seen, value]
  }

  const reconnect = (): void => {
    if (socket?.connected) socket.disconnect().connect()
  }

  const emitDraft = (draft: Draft): void => {
    socket?.timeout(PATIENCE).emit(SET, [outgoing(draft)], async (lost: Error | null, answer: SetAnswer) => {
      const isLater = !lost && !answer.ok && LATER.includes(answer.code)
      if (isLater) {
        await backOff(1000)
        // Nothing was applied: what is sent next is the first sending.
        draft.seen = FIRST_SENDING
      }
      if (lost || isLater) draft.isSent = false
      else if (answer.ok) outbox.acknowledge(draft, answer.stamp)
      else outbox.refuse(draft, answer.code)
      send()
    })
  }

  const emitTicket = (ticket: string): Promise<void> =>
    new Promise((resolve) => {
      socket?.timeout(PATIENCE).emit(TICKETS, [ticket], (lost: Error | null, answer: TicketsAnswer) => {
        if (!lost && !answer.ok) outbox.fail([ticket], answer.code)
        resolve()
      })
    })

  const receive = (ticket: string): void => {
    const claims = readTicket(ticket)
    const { sub, epoch, defaults } = claims
    // The first ticket of a connection says whose page this is now; its defaults tell it from a ticket of changes.
    const isFirst = isGreeting && defaults !== undefined
    // Whoever was revoked or erased meanwhile begins anew, as somebody else would.
    const isSomebodyElse = isFirst && subjects[0] !== undefined && (subjects[0] !== sub || epoch > known)
    const former = isFirst ? outbox.tickets() : []
    if (isSomebodyElse) outbox.clear()
    if (defaults) {
      subjects = isFirst ? [sub] : [...subjects, sub]
      if (isFirst) known = epoch
      isGreeting = false
      failures = 0
      values.setDefaults(defaults)
    }
    if (!subjects.includes(sub)) return
    outbox.keep(ticket, claims)
    options.onReady()
    // Before any change of ours, the server shall have seen what this browser has seen: its memory may be younger.
    const offered = Promise.all(former.map(emitTicket))
    if (isSomebodyElse) void offered.then(outbox.inherit).then(onProgress)
    send()
  }

  const warnOf = (status: number): void => {
    const remedy = REMEDIES[status]
    if (remedy === undefined || warned === status) return
    warned = status
    console.warn(
      `koa-live-session: POST ${options.endpoint} answered ${status}; changes are shown but not saved. ${remedy}.`,
    )
  }

  const deliver = async (tickets: readonly string[], drafts: readonly Draft[]): Promise<void> => {
    const { status, wait, answer, error } = await post(options, {
      tickets,
      ...(drafts.length > 0 ? { set: drafts.map(outgoing) } : {}),
    })
    isOffline = status === 0
    if (answer) {
      failures = 0
      for (const draft of drafts) outbox.acknowledge(draft, answer.stamp ?? NEVER)
      const signed = answer.ticket === undefined ? [] : [answer.ticket]
      for (const ticket of signed) outbox.keep(ticket, readTicket(ticket))
      outbox.held(answer.held)
      confirm([...tickets, ...signed])
      onProgress()
      return
    }
    for (const draft of drafts) draft.isSent = false
    onProgress()
    if (error && status < 429) refuse(error, tickets, drafts)
    else {
      warnOf(status)
      await backOff(wait)
    }
  }

  /** What is still not in the cookie after so many good answers never will be. */
  const confirm = (tickets: readonly string[]): void => {
    const unsaved = outbox.tickets(true)
    for (const ticket of unconfirmed.keys()) if (!unsaved.includes(ticket)) unconfirmed.delete(ticket)
    for (const ticket of tickets)
      if (unsaved.includes(ticket)) unconfirmed.set(ticket, (unconfirmed.get(ticket) ?? 0) + 1)
    const blocked = unsaved.filter((ticket) => (unconfirmed.get(ticket) ?? 0) >= MAX_UNCONFIRMED)
    outbox.fail(blocked, 'cookies_blocked')
  }

  /** One bad item has refused the whole POST: it is given up, and the rest goes out again. */
  const refuse = ({ code, key, index = -1 }: PostError, tickets: readonly string[], drafts: readonly Draft[]): void => {
    const isTicket = code === 'bad_ticket' || code === 'other_subject'
    const ticket = isTicket ? tickets[index] : undefined
    const draft = isTicket ? undefined : (drafts.find((one) => one.key === key) ?? drafts[index])
    outbox.fail(ticket !== undefined ? [ticket] : draft ? [] : tickets, code)
    for (const each of draft ? [draft] : ticket !== undefined ? [] : drafts) outbox.refuse(each, code)
    // The cookies were cleared, or somebody else has signed in: a new connection tells whose page this is.
    if (code === 'other_subject') reconnect()
  }

  /** Sends drafts over the socket, where there is one and it is known whose page this is. */
  const emitDrafts = (): void => {
    if (socket?.connected && !isGreeting) for (const draft of outbox.unsent()) emitDraft(draft)
  }

  /** POSTs until everything is in the cookie: what changed meanwhile goes with the next. */
  const run = async (): Promise<void> => {
    if (isPosting) return
    isPosting = true
    while (!isClosed) {
      // What a POST has failed to bring goes this way, if the socket is back by now.
      emitDrafts()
      const tickets = fitting(outbox.tickets(true))
      const drafts = socket?.connected ? [] : outbox.unsent()
      if (tickets.length + drafts.length === 0) break
      const isNews = drafts.length > 0 || tickets.some((ticket) => !unconfirmed.has(ticket))
      const wait = lastNews + INTERVAL - Date.now()
      if (isNews && wait > 0) await pause(wait)
      else {
        if (isNews) lastNews = Date.now()
        await deliver(tickets, drafts)
      }
      onProgress()
    }
    isPosting = false
  }

  const send = (): void => {
    emitDrafts()
    onProgress()
    void run()
  }

  const onConnect = (): void => {
    isGreeting = true
    wake()
  }
  const onDisconnect = (): void => {
    outbox.unsend()
    send()
  }
  const onRefused = ({ data }: { readonly data?: { readonly code?: string } }): void => {
    const connect = (least: number): Promise<unknown> => backOff(least).then(() => isClosed || socket?.connect())
    // The cookie is of a user who is not signed in any more: the POST brings the right one.
    if (data?.code === 'other_subject') void post(options, {}).then(() => connect(0))
    if (data?.code === 'rate_limited') void connect(1000)
  }
  socket?.on('connect', onConnect)
  socket?.on('disconnect', onDisconnect)
  socket?.on('connect_error', onRefused)
  socket?.on(STORE_SESSION, receive)
  // Whoever is connected already has missed the first ticket.
  reconnect()
  const onEvent = (): void => wake()
  globalThis.addEventListener?.('online', onEvent)
  globalThis.addEventListener?.('pagehide', onEvent)

  return {
    isOffline: () => isOffline,
    send,
    hurry: () => {
      unconfirmed.clear()
      outbox.retry()
      send()
      wake()
    },
    close: () => {
      isClosed = true
      wake()
      socket?.off('connect', onConnect).off('disconnect', onDisconnect).off('connect_error', onRefused)
      socket?.off(STORE_SESSION, receive)
      globalThis.removeEventListener?.('online', onEvent)
      globalThis.removeEventListener?.('pagehide', onEvent)
    },
  }
}

/** As many tickets as fit a POST; the others go with the next. */
function fitting(tickets: readonly string[]): readonly string[] {
  let length = 0
  return tickets.filter((ticket, i) => {
    length += ticket.length
    return i === 0 || length < ROOM
  })
}
