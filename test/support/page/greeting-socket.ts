import { EventEmitter } from 'node:events'
import type { JsonValue } from '../../../shared/json.js'
import { FLASH, type FlashAnswer, type PageAnswer, type PageMessage, TAKE_FLASH } from '../../../shared/protocol.js'
import { type BareClaims, bareTicket } from './bare-ticket.js'

type Ack = (lost: null, answer: PageAnswer) => void

/** A connected socket whose server, played by the test, greets a visitor and takes no changes, or refuses them. */
export class GreetingSocket extends EventEmitter {
  readonly connected = true
  /** Refuses the changes of the last message. */
  refuse: () => void = () => undefined
  #answer: PageAnswer

  constructor(owner: string, owned: BareClaims = {}) {
    super()
    this.#answer = answerOf(owner, owned)
  }

  timeout(): { emit(event: string, message: PageMessage, answer: Ack): void } {
    return {
      emit: (_, { set }, answer) => {
        if (!set) answer(null, this.#answer)
        else this.refuse = () => answer(null, refusalOf(this.#answer))
      },
    }
  }

  /** The test decides when the page reconnects. */
  disconnect(): this {
    return this
  }

  connect(): this {
    return this
  }

  comeBack(who: string, claims: BareClaims): void {
    this.#answer = { ...answerOf(who, claims), otherVisitor: true }
    this.emit('disconnect')
    this.emit('connect')
  }

  /** Shows a message to a page with a listener. */
  flash(message: JsonValue): void {
    this.once(TAKE_FLASH, (answer: (messages: FlashAnswer) => void) => answer({ ok: true, messages: [message] }))
    this.emit(FLASH)
  }
}

function refusalOf({ who }: PageAnswer): PageAnswer {
  return { who, hasCookie: true, results: [{ code: 'invalid_value' }], persisted: [] }
}

function answerOf(who: string, claims: BareClaims): PageAnswer {
  return { who, hasCookie: true, results: [], persisted: [], greeting: [bareTicket(claims)] }
}
