import { type Connection, type ConnectionOptions, createConnection } from './connection.js'
import type { Draft } from './draft.js'
import type { Outbox } from './outbox.js'
import { createPauses } from './pauses.js'
import { type PostError, type PostOptions, post } from './post.js'
import { createTabs, type TabNews } from './tabs.js'
import { readTicket } from './ticket.js'
import type { Values } from './values.js'
import { createWarning } from './warning.js'

type Page = Omit<ConnectionOptions, 'onNews' | 'renewCookie'>

export interface DeliveryOptions extends PostOptions, Page {
  /** The page knows nothing, and no socket tells it. */
  readonly isAsking: boolean
  /** Something may have got further. */
  onProgress(): void
}

/** Brings drafts to the server and tickets into the cookie, for as long as it takes. */
export interface Delivery {
  isOffline(): boolean
  owner: Connection['owner']
  /** Sends what goes over the socket, then tells. */
  emit: Connection['send']
  /** Sends what there is to send. */
  send(): void
  /** The same, without waiting for the next turn. */
  hurry(): void
  close(): void
}

/** ms between POSTs that carry news: a slider that is dragged costs a handful a second. */
const INTERVAL = 250
/** ms by which the tab that has set something is ahead of those that only hear of it. */
const LEAD = 50
/** Characters of tickets in one POST. */
const ROOM = 48_000
/** Whose page it is then, only a new connection can tell. */
const STRANGE: readonly string[] = ['other_subject', 'cookies_blocked']

/** What a page POSTs that asks whose it is. */
const QUESTION: Load = { tickets: [], drafts: [], isNews: true }

interface Load {
  readonly tickets: readonly string[]
  readonly drafts: readonly Draft[]
  /** The server was not told of it before. */
  readonly isNews: boolean
}

export function createDelivery(options: DeliveryOptions, values: Values, outbox: Outbox): Delivery {
  const { onProgress, socket } = options
  const pauses = createPauses()
  let isUnreachable = false
  /** Whose page this is, and what its values are, the answer to a POST shall tell. */
  let { isAsking } = options
  let isPosting = false
  const warnOf = createWarning(options.endpoint)
  /** The tickets of the last POST, and the one of its answer. */
  let posted: readonly string[] = []
  /** Ends when the next POST with news may go. */
  let interval: Promise<void> | undefined
  /** Ends when it may be tried again. */
  let rest: Promise<void> | undefined

  const deliver = async (load: Load | undefined): Promise<void> => {
    rest = undefined
    if (!load) return
    const { tickets, drafts } = load
    const subjects = connection.subjects()
    const subject = connection.isNew() ? undefined : subjects[0]
    const set = drafts.length > 0 ? drafts.map(outbox.dispatch) : undefined
    const isQuestion = load === QUESTION
    const { status, wait, answer, error } = await post(options, isQuestion ? {} : { subject, tickets, set })
    // What something else has answered comes from the endpoint no more than no answer does.
    isUnreachable = !answer && !error
    posted = [...tickets, answer?.ticket ?? '']
    // An answer is about the subjects that the page had when it asked.
    const isOurs = (): boolean => subjects === connection.subjects()
    const isRefused = error !== undefined && status < 429
    const isMoved = answer?.subject !== undefined
    if (isQuestion && (answer || isRefused)) isAsking = false
    if (isOurs() && answer) {
      const { stamp, ticket, more, held, unsaved, subject: whose } = answer
      if (!isMoved) pauses.recover()
      if (ticket !== undefined) connection.learn(ticket, more)
      if (stamp !== undefined) for (const draft of drafts) outbox.acknowledge(draft, stamp)
      const theirs = whose === undefined ? connection.subjects() : [whose]
      const news: TabNews = { subjects: theirs, tickets: posted, held, ...(unsaved && { unsaved }) }
      // Where the server took it for another subject's, no cookie here confirms it: the stamps are others now.
      if (!isMoved) confirm(news)
      tabs.tell(news)
      // Without a connection no message will ever say what became of them.
      if (isMoved && !socket?.connected) for (const one of tickets) outbox.fail({ code: 'superseded' }, one)
    }
    const isStray = error?.code === 'cookies_blocked' && isOurs() && connection.disown()
    if (isOurs() && isRefused && !isStray) refuse(error, tickets, drafts)
    for (const draft of drafts) outbox.release(draft, !error)
    onProgress()
    if ((answer && !isMoved) || isStray || (isRefused && !STRANGE.includes(error.code))) return
    if (isUnreachable) warnOf(status)
    // The cookies were cleared, or another user has signed in: a new connection tells whose page this is.
    rest = pauses.backOff(wait).then(() => (isOurs() && (isRefused || isMoved) ? comeAgain() : undefined))
  }

  /** To be told whose page this is now. */
  const comeAgain = (): void => {
    if (socket) connection.renew()
    else isAsking = true
  }

  /** Whose cookie was seen, with what, and after which tickets. */
  const confirm = ({ subjects, tickets, held, unsaved }: TabNews): void => {
    if (held.length > 0) {
      connection.prove()
      connection.follow(subjects)
    }
    outbox.confirm(held, tickets, unsaved)
  }

  /** What a POST of another tab came to, whose tickets may be news here. */
  const hear = (news: TabNews): void => {
    const subjects = connection.subjects()
    if (!subjects.includes(news.subjects[0] ?? '')) {
      if (news.held.length > 0) connection.follow(news.subjects)
      return
    }
    for (const ticket of news.tickets) {
      const claims = ticket && readTicket(ticket)
      if (claims && subjects.includes(claims.sub)) outbox.keep(ticket, claims)
    }
    confirm(news)
    onProgress()
  }

  /** One bad item has refused the whole POST: it is given up, and the rest goes out again. */
  const refuse = (error: PostError, tickets: readonly string[], drafts: readonly Draft[]): void => {
    const { code, key, index } = error
    const isTicket = code === 'bad_ticket' || code === 'other_subject'
    const ticket = isTicket ? tickets[index ?? -1] : undefined
    const draft = drafts.find((one, i) => !isTicket && (one.key === key || i === index))
    if (draft) outbox.refuse(draft, error)
    else outbox.fail(error, ticket)
  }

  /** Whether drafts go over the socket, or wait for it. */
  const goesBySocket = (): boolean => socket?.connected || connection.isNew()

  /** What the next POST shall bring; undefined where there is nothing to say or to ask. */
  const load = (drafts = goesBySocket() ? [] : outbox.unsent()): Load | undefined => {
    const unsaved = outbox.unsaved()
    const tickets = fitting(unsaved ?? [])
    const isNews = drafts.length > 0 || tickets.some((ticket) => !posted.includes(ticket))
    return unsaved || drafts.length > 0 ? { tickets, drafts, isNews } : undefined
  }

  const next = (): Load | undefined => (isAsking ? QUESTION : load())

  /** POSTs until everything is in the cookie: what changed meanwhile goes with the next. */
  const run = async (): Promise<void> => {
    if (isPosting) return
    isPosting = true
    try {
      while (!pauses.isOver()) {
        // What a POST has failed to bring goes this way, if the socket is back by now.
        connection.send()
        const due = next()
        if (!due) break
        if (due.isNews && interval !== undefined) {
          await interval
          interval = undefined
        } else {
          if (due.isNews) interval = pauses.pause(INTERVAL)
          if (!isAsking && !outbox.hasOwn()) await pauses.pause(LEAD * (1 + Math.random()))
          // Another tab may have done it by then.
          await tabs.alone(() => deliver(next()))
          if (rest !== undefined) await rest
        }
        onProgress()
      }
    } finally {
      isPosting = false
    }
  }

  /** The page is left, perhaps for good: everything goes out now, also what is under way over the socket. */
  const leave = (): void => {
    tabs.leave()
    outbox.releaseAll()
    const last = load(outbox.unsent())
    if (last?.isNews) void deliver(last)
  }

  const comeBack = (): void => {
    tabs.join()
    pauses.wake()
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
  const tabs = createTabs(`live-session:${options.endpoint}`, hear)
  const events = Object.entries({ online: pauses.wake, pagehide: leave, pageshow: comeBack })
  for (const [event, handler] of events) globalThis.addEventListener?.(event, handler)

  return {
    owner: connection.owner,
    emit: connection.send,
    isOffline: () => isUnreachable || (goesBySocket() && !socket?.connected),
    send,
    hurry: () => {
      // Whether it still is, the next try shows.
      isUnreachable = false
      outbox.retry()
      send()
      pauses.wake()
    },
    close: () => {
      pauses.close()
      connection.close()
      tabs.leave()
      for (const [event, handler] of events) globalThis.removeEventListener?.(event, handler)
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
