import type { Socket } from 'socket.io-client'
import type { LiveSessionErrorCode } from '../../../shared/codes.js'
import type { JsonValue } from '../../../shared/json.js'
import type { Level, PageAnswer, PageMessage, Refusal, TicketClaims, WireChange } from '../../../shared/protocol.js'
import { awaited } from './awaited.js'
import type { Plain } from './plain.js'

export interface ReceivedTicket {
  readonly text: string
  readonly claims: TicketClaims
}

/** The outcome of a change, or why the whole message was refused. */
export interface Outcome {
  readonly stamp?: number | undefined
  readonly level?: Level
  readonly code?: LiveSessionErrorCode
  readonly value?: JsonValue | undefined
}

/** A page's socket, and every ticket received over it, pushed or in an answer. */
export class TestSocket {
  readonly io: Socket
  readonly tickets: ReceivedTicket[] = []
  who: string | undefined
  readonly #opened: Promise<void>
  readonly #closed: Promise<string>
  readonly #greeted: Promise<PageAnswer>
  #isGreeted = false
  readonly #early: string[] = []
  #taken = 0
  #arrived: (() => void)[] = []

  constructor(io: Socket) {
    this.io = io
    // Tickets before the greeting are processed after the greeting.
    io.on('store_session', (text: string) => this.#hear(text))
    this.#greeted = new Promise((resolve) => {
      io.once('connect', () => {
        const greet = (answer: PageAnswer | Refusal): void => {
          if (!('results' in answer)) return
          this.who = answer.who
          this.#isGreeted = true
          this.#take(...(answer.greeting ?? []), ...this.#early)
          resolve(answer)
        }
        // A connection that ends at once does not answer.
        this.exchange({}).then(greet, () => undefined)
      })
    })
    this.#opened = new Promise((resolve, reject) => {
      io.once('connect', resolve)
      io.once('connect_error', reject)
      io.once('disconnect', (reason) => reject(new Error(reason)))
    })
    this.#closed = new Promise((resolve) => io.once('disconnect', resolve))
  }

  /** Resolves when connected; rejects with the error of `connect_error` or the reason of an earlier end. */
  get opened(): Promise<void> {
    return awaited('the socket to open', this.#opened)
  }

  get closed(): Promise<string> {
    return awaited('the socket to close', this.#closed)
  }

  get greeted(): Promise<PageAnswer> {
    return awaited('the greeting', this.#greeted)
  }

  /** Resolves with the next unread ticket. */
  async ticket(): Promise<ReceivedTicket> {
    for (;;) {
      const ticket = this.tickets[this.#taken]
      if (ticket) {
        this.#taken += 1
        return ticket
      }
      await awaited('a ticket', new Promise<void>((resolve) => this.#arrived.push(resolve)))
    }
  }

  async exchange(message: Plain<PageMessage>): Promise<PageAnswer | Refusal> {
    const answer: PageAnswer | Refusal = await this.io.emitWithAck('live_session:exchange', message)
    if ('ticket' in answer && answer.ticket !== undefined) this.#hear(answer.ticket)
    return answer
  }

  set(...set: Plain<WireChange>[]): Promise<PageAnswer | Refusal> {
    return this.#say({ set })
  }

  /** Sets a value over any other, or deletes the key. Resolves with the outcome, or the refusal of the message. */
  async change(key: string, ...value: readonly [value?: unknown]): Promise<Outcome> {
    const answer = await this.set([key, -1, '', ...(value as [JsonValue?])])
    if (!('results' in answer)) return answer
    const [result] = answer.results
    if (!result) throw new Error('no result')
    return result
  }

  sendTickets(...tickets: string[]): Promise<PageAnswer | Refusal> {
    return this.#say({ tickets })
  }

  #say(message: Plain<PageMessage>): Promise<PageAnswer | Refusal> {
    return this.exchange({ ...(this.who === undefined ? {} : { who: this.who }), ...message })
  }

  #hear(text: string): void {
    if (this.#isGreeted) this.#take(text)
    else this.#early.push(text)
  }

  #take(...texts: readonly string[]): void {
    for (const text of texts) this.tickets.push({ text, claims: readClaims(text) })
    for (const arrived of this.#arrived.splice(0)) arrived()
  }
}

export function readClaims(ticket: string): TicketClaims {
  return JSON.parse(Buffer.from(ticket.split('.')[1] ?? '', 'base64url').toString())
}
