import { type ConnectionOptions, createConnection } from './connection.js'
import type { Draft } from './draft.js'
import type { Outbox } from './outbox.js'
import { createPauses } from './pauses.js'
import { type PostError, type PostOptions, post } from './post.js'
import { readTicket } from './ticket.js'
import type { Values } from './values.js'

export interface DeliveryOptions extends PostOptions, Pick<ConnectionOptions, 'socket' | 'subjects' | 'onReady'> {
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

/** ms between POSTs that carry news: a slider that is dragged costs a handful a second. */
const INTERVAL = 250
/** Characters of tickets in one POST. */
const ROOM = 48_000
/** What to do where something else than the endpoint has answered. */
const REMEDIES: Readonly<Record<number, string>> = {
  403: 'Where the app guards its POSTs with a token pass headers',
  404: "Behind a sub-path pass endpoint: '/tools/store_session'",
}

export function createDelivery(options: DeliveryOptions, values: Values, outbox: Outbox): Delivery {
  const { onProgress, socket } = options
  const pauses = createPauses()
  let isUnreachable = false
  let isPosting = false
  let warned = 0
  /** The tickets of the last POST, and the one of its answer. */
  let posted: readonly string[] = []
  /** Ends when the next POST with news may go. */
  let interval: Promise<void> | undefined

  const warnOf = (status: number): void => {
    const remedy = REMEDIES[status]
    if (!remedy || warned === status) return
    warned = status
    console.warn(
      `koa-live-session: POST ${options.endpoint} answered ${status}; changes are shown but not saved. ${remedy}.`,
    )
  }

  const deliver = async (tickets: readonly string[], drafts: readonly Draft[]): Promise<void> => {
    const subjects = connection.subjects()
    const subject = connection.isNew() ? undefined : subjects[0]
    const set = drafts.length > 0 ? drafts.map(outbox.dispatch) : undefined
    const { status, wait, answer, error } = await post(options, { subject, tickets, set })
    isUnreachable = status === 0
    posted = [...tickets, answer?.ticket ?? '']
    // An answer is about whoever asked.
    const isOurs = subjects === connection.subjects()
    const isRefused = error !== undefined && status < 429
    if (isOurs && answer) {
      pauses.recover()
      const { stamp, ticket } = answer
      if (ticket !== undefined) outbox.keep(ticket, readTicket(ticket))
      if (stamp !== undefined) for (const draft of drafts) outbox.acknowledge(draft, stamp)
      outbox.confirm(answer.held, posted, answer.unsaved)
    }
    if (isOurs && isRefused) refuse(error, tickets, drafts)
    for (const draft of drafts) outbox.release(draft, !error)
    onProgress()
    if (answer || (isRefused && error.code !== 'other_subject')) return
    if (!error) warnOf(status)
    await pauses.backOff(wait)
    // The cookies were cleared, or somebody else has signed in: a new connection tells whose page this is.
    if (isOurs && isRefused) connection.renew()
  }

  /** One bad item has refused the whole POST: it is given up, and the rest goes out again. */
  const refuse = ({ code, key, index }: PostError, tickets: readonly string[], drafts: readonly Draft[]): void => {
    const isTicket = code === 'bad_ticket' || code === 'other_subject'
    const ticket = isTicket ? tickets[index ?? -1] : undefined
    const draft = drafts.find((one, i) => !isTicket && (one.key === key || i === index))
    if (draft) outbox.refuse(draft, code)
    else outbox.fail(code, ticket)
  }

  /** Whether drafts go over the socket, or wait for it. */
  const isAwaited = (): boolean => socket?.connected || connection.isNew()

  /** POSTs until everything is in the cookie: what changed meanwhile goes with the next. */
  const run = async (): Promise<void> => {
    if (isPosting) return
    isPosting = true
    try {
      while (!pauses.isOver()) {
        // What a POST has failed to bring goes this way, if the socket is back by now.
        connection.send()
        const tickets = fitting(outbox.tickets(true))
        const drafts = isAwaited() ? [] : outbox.unsent()
        if (tickets.length + drafts.length === 0) break
        const isNews = drafts.length > 0 || tickets.some((ticket) => !posted.includes(ticket))
        if (isNews && interval !== undefined) {
          await interval
          interval = undefined
        } else {
          if (isNews) interval = pauses.pause(INTERVAL)
          await deliver(tickets, drafts)
        }
        onProgress()
      }
    } finally {
      isPosting = false
    }
  }

  const send = (): void => {
    if (pauses.isOver()) return
    connection.send()
    onProgress()
    void run()
  }

  const connection = createConnection(
    { ...options, onNews: send, renewCookie: () => post(options, {}) },
    values,
    outbox,
    pauses,
  )
  const events = ['online', 'pagehide']
  for (const event of events) globalThis.addEventListener?.(event, pauses.wake)

  return {
    isOffline: () => isUnreachable || (isAwaited() && !socket?.connected),
    send,
    hurry: () => {
      outbox.retry()
      send()
      pauses.wake()
    },
    close: () => {
      pauses.close()
      connection.close()
      for (const event of events) globalThis.removeEventListener?.(event, pauses.wake)
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
