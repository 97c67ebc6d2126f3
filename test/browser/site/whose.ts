import type { Socket } from 'socket.io-client'
import type { Whose } from './page.js'

/**
 * Returns whether the page now has another visitor.
 *
 * @param isKept whether the browser has shown its cookie
 */
type Take = (whose: Whose, isKept: boolean) => boolean

interface Answer {
  readonly who?: string
  readonly kept?: true
  readonly greeting?: readonly string[]
}

/** Reads the visitor from the HTML. */
export function whoseAtFirst(): Whose {
  const { who = '' } = JSON.parse(document.getElementById('live-session')?.textContent || '{}')
  return [document.documentElement.dataset['visitor'] ?? '', who]
}

/** Reads the greetings in answers before the client does. */
export function watchWhose(socket: Socket | undefined, take: Take): void {
  // After a POST named another visitor, the connection belongs to the former until it reconnects.
  let isFormers = false
  const hear = (answer: Answer | undefined, isPost: boolean): void => {
    const [ticket] = answer?.greeting ?? []
    if (ticket === undefined || (isFormers && !isPost)) return
    const isAnothers = take([subjectOf(ticket), answer?.who ?? ''], answer?.kept === true)
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

function hearAnswers(socket: Socket, hear: (answer: Answer | undefined) => void): void {
  const emit = socket.emit.bind(socket)
  socket.emit = (event: string, ...args: unknown[]) => {
    const ack = args.pop()
    if (typeof ack !== 'function') return emit(event, ...args, ack)
    return emit(event, ...args, (...answer: unknown[]) => {
      hear(answer.at(-1) as Answer | undefined)
      ack(...answer)
    })
  }
}

function subjectOf(ticket: string): string {
  return JSON.parse(atob((ticket.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'))).sub
}
