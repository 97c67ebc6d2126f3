import { describe, expect, it } from '@jest/globals'
import type { Socket } from 'socket.io-client'
import { createConnection } from '../../client/connection.js'
import { createPauses } from '../../client/pauses.js'
import type { TicketClaims } from '../../shared/protocol.js'
import { bareOutbox } from '../support/bare-outbox.js'
import { bareTicket } from '../support/bare-ticket.js'

type Handler = (ticket: string) => void
type Ack = (lost: null, answer: object) => void

/** A socket whose server says what the test says, and answers when it does. */
function openSocket(): { readonly socket: Socket; hear(claims: Partial<TicketClaims>): void; readonly acks: Ack[] } {
  const handlers = new Map<string, Handler>()
  const acks: Ack[] = []
  const socket = {
    on: (event: string, handler: Handler) => handlers.set(event, handler),
    timeout: () => ({ emit: (_: string, __: unknown, ack: Ack) => acks.push(ack) }),
  }
  const hear = (claims: Partial<TicketClaims>): void => handlers.get('store_session')?.(bareTicket(claims))
  return { socket: socket as unknown as Socket, hear, acks }
}

const nothing = (): undefined => undefined

describe('a connection that finds the browser under another id', () => {
  it('judges what was set under the former one only once the server has seen that', async () => {
    const { values, outbox, set, keep, settled } = bareOutbox()
    const { socket, hear, acks } = openSocket()
    const told = { onReady: nothing, onNews: nothing, onOwner: nothing, renewCookie: async () => undefined }
    const page = { subjects: ['ann', 'former'], isCookieless: false, hasConsent: true }
    createConnection({ socket, ...page, ...told }, values, outbox, createPauses())
    outbox.acknowledge(set('theme', undefined), 10)
    keep(bareTicket({ sub: 'former', changes: [['theme', 10]] }), ['theme', 10])
    hear({ sub: 'ann', defaults: { division: -1 }, more: true })
    hear({ sub: 'browser', defaults: { theme: 'light' } })
    expect(await settled()).toEqual([])
    hear({ sub: 'browser', changes: [['theme', 10]] })
    for (const ack of acks) ack(null, { ok: true })
    expect(await settled()).toEqual([])
    outbox.confirm([['theme', 10]])
    expect(await settled()).toEqual(['undefined saved'])
  })
})
