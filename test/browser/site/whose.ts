import type { Socket } from 'socket.io-client'
import type { AnySnapshot, PageAnswer, TicketClaims } from '../../../shared/protocol.js'

/** The page's visitor: the hash of the subject, and the server's `who` for this browser; '' where the browser keeps no id. */
type Whose = readonly string[]
/**
 * Returns whether the page's visitor has changed.
 *
 * @param isKept the browser has shown its cookie
 */
type Take = (whose: Whose, isKept: boolean) => boolean

/** The visitor that the HTML names. */
export function whoseAtFirst(): Whose {
  return [document.documentElement.dataset['visitor'] ?? '', embedded().who ?? '']
}

/** The visitor's `who`, if the HTML says that the browser has shown its cookie. */
export function keptAtFirst(): string[] {
  const { who, persisted } = embedded()
  return who !== undefined && persisted !== undefined ? [who] : []
}

function embedded(): Partial<AnySnapshot> {
  return JSON.parse(document.getElementById('live-session')?.textContent || '{}')
}

/**
 * Follows the page's visitor by the greetings in answers, before the client reads them.
 *
 * @param keep called when the browser has shown its cookie, with the answer's `who` if it has one
 */
export function watchWhose(socket: Socket | undefined, take: Take, keep: (who?: string) => void): void {
  // After a POST names another visitor, the connection is the former visitor's until it reconnects.
  let isFormers = false
  const hear = (answer: Partial<PageAnswer> | undefined, isPost: boolean): void => {
    if (answer?.hasCookie) keep(answer.who)
    const [ticket] = answer?.greeting ?? []
    if (ticket === undefined || (isFormers && !isPost)) return
    const isAnothers = take([subjectOf(ticket), answer?.who ?? ''], answer?.hasCookie === true)
    isFormers ||= isPost && isAnothers
  }
  socket?.on('connect', () => {
    isFormers = false
  })
  if (socket) hearAnswers(socket, (answer) => hear(answer, false))
  const send = globalThis.fetch
  globalThis.fetch = async (...request) => {
    const answer = await send(...request)
    const read = answer.json.bind(answer)
    answer.json = async () => {
      const said = await read()
      hear(said, true)
      return said
    }
    return answer
  }
}

function hearAnswers(socket: Socket, hear: (answer: Partial<PageAnswer> | undefined) => void): void {
  const emit = socket.emit.bind(socket)
  socket.emit = (event: string, ...args: unknown[]) => {
    const ack = args.pop()
    if (typeof ack !== 'function') return emit(event, ...args, ack)
    return emit(event, ...args, (...answer: unknown[]) => {
      hear(answer.at(-1) as Partial<PageAnswer> | undefined)
      ack(...answer)
    })
  }
}

function subjectOf(ticket: string): string {
  const claims: TicketClaims = JSON.parse(atob((ticket.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')))
  return claims.sub
}
