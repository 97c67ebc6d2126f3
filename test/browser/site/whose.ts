import type { Socket } from 'socket.io-client'

/** Whose page it is: hashes of the subject, and of the browser's id; '' where the browser keeps none. */
type Whose = readonly string[]

function readClaims(ticket: string): Record<string, unknown> & { readonly sub: string; readonly browser?: string } {
  return JSON.parse(atob((ticket.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')))
}

/** What `embed()` says. */
export function whoseAtFirst(): Whose {
  const text = document.getElementById('live-session')?.textContent
  const { subject = '', browser = '' } = text ? JSON.parse(text) : {}
  return [subject, browser]
}

/** Follows whose page it is before the client does: by the first ticket of each connection, and by the answer to `{}` where there is none. */
export function watchWhose(socket: Socket | undefined, take: (whose: Whose, isProven: boolean) => void): void {
  /** The connection has said it, or was refused as another's: the client comes back to hear more. */
  let isTold = false
  const hear = (ticket: string): void => {
    const { sub, browser = '', defaults } = readClaims(ticket)
    if (!defaults || isTold) return
    take([sub, browser], browser !== '')
  }
  socket?.on('connect', () => {
    isTold = false
  })
  socket?.on('disconnect', () => {
    isTold = false
  })
  socket?.on('connect_error', (error: Error & { readonly data?: { readonly code?: string } }) => {
    isTold = error.data?.code === 'other_subject'
  })
  socket?.on('store_session', (ticket: string) => {
    hear(ticket)
    isTold = true
  })
  const send = globalThis.fetch
  globalThis.fetch = async (...request) => {
    const answer = await send(...request)
    const read = answer.json.bind(answer)
    answer.json = async () => {
      const said = await read()
      if (said.ticket) hear(said.ticket)
      return said
    }
    return answer
  }
}
