import type { Socket } from 'socket.io-client'
import {
  type LiveSessionClientToServer,
  type LiveSessionServerToClient,
  SET,
  type SetAnswer,
  STORE_SESSION,
  TICKETS,
  type TicketClaims,
  type TicketsAnswer,
} from '../shared/protocol.js'
import type { Draft } from './draft.js'
import type { Outbox } from './outbox.js'
import type { Pauses } from './pauses.js'
import { readTicket } from './ticket.js'
import type { Values } from './values.js'

export interface ConnectionOptions {
  readonly socket: Socket<LiveSessionServerToClient, LiveSessionClientToServer> | undefined
  /** The subjects of the page; none where the page does not say. */
  readonly subjects: readonly string[]
  /** The page was rendered for a browser without a cookie, or does not say. */
  readonly isCookieless: boolean
  /** The visitor has agreed to be remembered, as far as the page knows. */
  readonly hasConsent: boolean
  /** The page was rendered for a guest. */
  readonly isGuests: boolean
  /** The page is this subject's, and so is what others of its pages have left. */
  onOwner(subject: string): void
  /** The first values are known. */
  onReady(): void
  /** There may be something to send. */
  onNews(): void
  /** The cookie is of a user who is not signed in any more: brings the right one. */
  renewCookie(): Promise<unknown>
}

/** The socket's part: hears whose page this is and what has changed, and takes drafts. */
export interface Connection {
  /** Whether the browser has no cookie, as far as is known: whose page this is, only a socket can tell. */
  isNew(): boolean
  /** Whose page this is; a new list whenever it becomes another subject's. */
  subjects(): readonly string[]
  /** Whose page this is for good; undefined as long as the browser may have no cookie. */
  owner(): string | undefined
  /** The tickets that a POST was answered with: they say whose page this is where it could not, or has asked. */
  learn(ticket: string, more?: string): void
  /** The browser's cookie was seen. */
  prove(): void
  /** It was, here or in another tab, and was of these subjects: a connection that came with none, or another's, comes again. */
  follow(subjects: readonly string[]): void
  /** Sends the drafts, where it is known whose page this is. Only then is something told that may have the page ask for more. */
  send(tell?: () => void): void
  /** Takes the page's subjects away where its browser turns out to have no cookie; says whether it has done so. */
  disown(): boolean
  /** Comes back, to be told whose page this is now. */
  renew(): void
  close(): void
}

/** What the server would do at another time: nothing was applied, and it may be sent again. */
const LATER: readonly unknown[] = ['rate_limited', 'closed', 'store_unavailable']
/** ms to wait for the first ticket of a connection with what listeners are told. */
const GREETING = 1000
/** ms to wait for a socket's answer. */
const PATIENCE = 10_000

export function createConnection(
  options: ConnectionOptions,
  values: Values,
  outbox: Outbox,
  pauses: Pauses,
): Connection {
  const { socket, onNews } = options
  /** The user or the browser, then the browser where it is another. */
  let subjects = [...options.subjects]
  /** How many of them this connection has told. */
  let greetings = 0
  /** The epoch of the page's subject, as far as it was told. */
  let known = Number.POSITIVE_INFINITY
  /** The browser has no cookie: the subject is the socket's alone. */
  let isNew = false
  /** No cookie came with the connection, of a guest or of a user: its browser id is its alone. */
  let isProvisional = false
  /** The subjects of a cookie that it has come again because of. */
  let followed: string | undefined
  /** The visitor is a guest, as far as that is known of a browser without a cookie. */
  let { isGuests } = options
  /** The browser had no cookie when it asked for the page, as far as is known, and was not seen with one since. */
  let isDoubtful = options.isCookieless
  /** Ends when the server has seen what this page had when the connection began. */
  let offered: Promise<unknown> = Promise.resolve()
  /** What is told once the drafts have left. */
  const untold: (() => void)[] = []
  /** The owner that was told of. */
  let told: string | undefined

  const renew = (): void => {
    if (socket?.connected && !pauses.isOver()) socket.disconnect().connect()
  }

  /** An answer; none where it was lost, also with the connection. */
  const answerTo = <A>(emit: (ack: (lost: Error | null, answer: A) => void) => unknown): Promise<A | undefined> =>
    new Promise((resolve) => {
      emit((lost, answer) => resolve(lost ? undefined : answer))
    })

  const sendDraft = async (draft: Draft): Promise<void> => {
    const changes = [outbox.dispatch(draft)]
    const answer = await answerTo<SetAnswer>((ack) => socket?.timeout(PATIENCE).emit(SET, changes, ack))
    if (answer?.ok) outbox.acknowledge(draft, answer.stamp)
    else if (answer && !LATER.includes(answer.code)) outbox.refuse(draft, answer)
    else {
      if (answer) await pauses.backOff(1000)
      outbox.release(draft, !answer)
    }
    onNews()
  }

  const offer = async (ticket: string): Promise<void> => {
    const answer = await answerTo<TicketsAnswer>((ack) => socket?.timeout(PATIENCE).emit(TICKETS, [ticket], ack))
    // What was not taken now comes with the next POST.
    if (answer && !answer.ok && !LATER.includes(answer.code)) outbox.fail(answer, ticket)
  }

  /** The first ticket of a connection says whose page this is now, the next which browser's. */
  const greet = (claims: TicketClaims, defaults: NonNullable<TicketClaims['defaults']>): void => {
    const { sub, epoch, new: id, cookieless } = claims
    const isFirst = greetings === 0
    const former = subjects[greetings]
    // A subject that was revoked or erased meanwhile begins anew, as another one would.
    const isOtherSubject = former !== undefined && (former !== sub || (isFirst && epoch > known))
    // Before any change of ours, the server shall have seen what this browser has seen: its memory may be younger.
    if (isFirst) offered = Promise.all(outbox.tickets().map(offer))
    if (isOtherSubject) {
      subjects = subjects.slice(0, greetings)
      followed = undefined
      // Without a cookie each connection has another subject. As long as no user signs in or out, the visitor is the same.
      const isSame = id !== undefined && (isFirst ? isNew || (isDoubtful && isGuests) : isDoubtful)
      const inherit = outbox.clear(isFirst ? undefined : Object.keys(defaults), isSame)
      void offered.then(inherit).then(onNews)
    }
    isProvisional = id !== undefined
    if (isFirst) {
      known = epoch
      isNew = id !== undefined
      isGuests = isNew
      // The visitor may have withdrawn the consent, and still have a cookie.
      if (!cookieless && options.hasConsent) isDoubtful = false
    }
    subjects[greetings] = sub
    greetings += 1
    values.setDefaults(defaults)
  }

  const receive = (ticket: string): void => {
    const claims = readTicket(ticket)
    // Its defaults tell it from a ticket of changes.
    if (claims.defaults) greet(claims, claims.defaults)
    if (!subjects.includes(claims.sub)) return
    outbox.keep(ticket, claims)
    tellOwner()
    if (!claims.more) options.onReady()
    onNews()
  }

  const tellAll = (): void => {
    for (const tell of untold.splice(0)) tell()
  }

  const owner = (): string | undefined => (isNew || isDoubtful ? undefined : subjects[0])
  const tellOwner = (): void => {
    const subject = owner()
    if (subject === undefined || subject === told) return
    told = subject
    options.onOwner(subject)
  }

  const onDisconnect = (): void => {
    greetings = 0
    onNews()
  }
  const onRefused = async (error: Error): Promise<void> => {
    const data: { readonly code?: string } | undefined = Reflect.get(error, 'data')
    const isLimited = data?.code === 'rate_limited'
    if (data?.code === 'other_subject') await options.renewCookie()
    else if (!isLimited) return
    await pauses.backOff(isLimited ? 1000 : 0)
    if (!pauses.isOver()) socket?.connect()
  }
  // A socket that is connected already has missed the first ticket.
  renew()
  socket?.on('connect', pauses.wake).on('disconnect', onDisconnect)
  socket?.on('connect_error', onRefused).on(STORE_SESSION, receive)
  tellOwner()

  return {
    isNew: () => isNew,
    subjects: () => subjects,
    owner,
    learn: (ticket, more) => {
      const claims = readTicket(ticket)
      const others = more === undefined ? undefined : readTicket(more)
      const { sub, owner: whose = sub, new: id, defaults, cookieless = false } = claims
      if (defaults || subjects.length === 0) {
        const theirs = others ? [sub, others.sub] : [whose]
        if (subjects.length > 0 && `${theirs}` !== `${subjects}`) outbox.clear()()
        subjects = theirs
        isGuests = id !== undefined && whose === sub
      }
      values.setDefaults({ ...defaults, ...others?.defaults })
      outbox.keep(ticket, claims)
      if (more && others) outbox.keep(more, others)
      if (!defaults) return
      isDoubtful = cookieless
      tellOwner()
      options.onReady()
    },
    prove: () => {
      isDoubtful = false
      tellOwner()
    },
    send: (tell) => {
      if (tell) untold.push(tell)
      if (greetings > 0) for (const draft of outbox.unsent()) void sendDraft(draft)
      // What a listener sends would be there before the draft, which has to wait for the first ticket.
      else if (socket?.connected && !pauses.isOver()) return void (tell && setTimeout(tellAll, GREETING))
      tellAll()
    },
    follow: (theirs) => {
      const isOurs = !isProvisional && theirs.every((subject) => subjects.includes(subject))
      if (isOurs || `${theirs}` === followed || !socket?.connected) return
      followed = `${theirs}`
      renew()
    },
    disown: () => {
      const isStray = isDoubtful && isGuests
      if (isStray) subjects = []
      return isStray
    },
    renew,
    close: () => {
      greetings = 0
      socket?.off('connect', pauses.wake).off('disconnect', onDisconnect)
      socket?.off('connect_error', onRefused).off(STORE_SESSION, receive)
    },
  }
}
