import type { Socket } from 'socket.io-client'
import type { TicketClaims } from '../../shared/protocol.js'

export interface ReceivedTicket {
  readonly text: string
  readonly claims: TicketClaims
}

/** A socket as a page has it, and every ticket that came over it. */
export class TestSocket {
  readonly io: Socket
  readonly tickets: ReceivedTicket[] = []
  /** Resolves when connected; rejects with what `connect_error` said, or why the connection ended before. */
  readonly opened: Promise<void>
  /** Resolves with the reason when the connection has ended. */
  readonly closed: Promise<string>
  #taken = 0
  #arrived: (() => void)[] = []

  constructor(io: Socket) {
    this.io = io
    io.on('store_session', (text: string) => {
      this.tickets.push({ text, claims: readClaims(text) })
      for (const arrived of this.#arrived.splice(0)) arrived()
    })
    this.opened = new Promise((resolve, reject) => {
      io.once('connect', resolve)
      io.once('connect_error', reject)
      io.once('disconnect', (reason) => reject(new Error(reason)))
    })
    this.closed = new Promise((resolve) => io.once('disconnect', resolve))
  }

  /** The next ticket that the test has not taken yet. */
  async ticket(): Promise<ReceivedTicket> {
    for (;;) {
      const ticket = this.tickets[this.#taken]
      if (ticket) {
        this.#taken += 1
        return ticket
      }
      await new Promise<void>((resolve) => this.#arrived.push(resolve))
    }
  }

  /** Sends changes as a page does. */
  set(...changes: unknown[]): Promise<Record<string, unknown>> {
    return this.io.emitWithAck('live_session:set', changes)
  }

  sendTickets(...tickets: unknown[]): Promise<Record<string, unknown>> {
    return this.io.emitWithAck('live_session:tickets', tickets)
  }
}

export function readClaims(ticket: string): TicketClaims {
  return JSON.parse(Buffer.from(ticket.split('.')[1] ?? '', 'base64url').toString())
}
