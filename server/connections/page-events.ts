// Dispatches a page's socket events to the exchange and the features, acknowledges results, and limits malformed messages.

import { isSuspicious } from '../../shared/codes.js'
import { LiveSessionError } from '../../shared/errors.js'
import { isQuestion, parseMessage } from '../../shared/parse.js'
import { type Awaitable, after, isThenable } from '../../shared/promise.js'
import { EXCHANGE, type FlashAnswer, type PageAnswer } from '../../shared/protocol.js'
import type { ExchangeContext } from '../exchange/exchange.js'
import type { Bucket } from '../exchange/limits.js'
import { refusalOf } from '../exchange/refusal.js'
import type { Feature, SocketUse } from '../feature.js'
import type { Link, PageSocket } from '../memory/link.js'
import type { Parts } from '../parts.js'
import { subjectHash } from '../subjects/subject.js'
import type { Connection } from './connections.js'

export interface SocketContext extends Pick<ExchangeContext, 'permit' | 'recheck'> {
  /** The socket, for features. */
  readonly use: SocketUse
  /** Closes the connection if the visitor has left, or if the browser does not read. Returns whether the socket is still open. */
  checkVisitor(this: void): boolean
}

/** The waiting time in ms of a bucket that is overdrawn by its full size. */
const TWICE_SPENT = 2000
const TOO_MANY_MALFORMED = new LiveSessionError('rate_limited', 'too many malformed messages')

export type PageEventParts = Pick<Parts, 'exchange' | 'features' | 'identifyChecks' | 'limits' | 'settings'>

export class PageEvents {
  readonly #parts: PageEventParts
  readonly #socket: PageSocket
  readonly #link: Link
  /** Counts refusals that our own pages rarely cause, limited like changes. No other limit counts bad tickets that are cheap to refuse. */
  readonly #malformed: Bucket
  readonly #context: ExchangeContext & SocketContext
  readonly #ofFeatures: readonly (ReturnType<NonNullable<Feature['events']>> | undefined)[]
  #closes: readonly (() => void)[] = []
  #isGreeted = false

  constructor(parts: PageEventParts, socket: PageSocket, connection: Connection, context: SocketContext) {
    const { identity, owner, link } = connection
    this.#parts = parts
    this.#socket = socket
    this.#link = link
    this.#malformed = parts.limits.ofSocket()
    const onRefusal = (error: LiveSessionError): void => this.#reportRefusal(error)
    const bucket = parts.limits.ofSocket()
    this.#context = Object.assign(context, { identity, owner, source: 'socket' as const, socket, bucket, onRefusal })
    this.#ofFeatures = parts.features.map(({ events }) => events?.(context.use))
  }

  /** Listens to the page, and tells the features. */
  open(): void {
    const socket = this.#socket
    socket.on(EXCHANGE, (...args) => this.#answer(args, (input, hasAck) => this.#exchange(input, hasAck)))
    for (const [event, act] of this.#ofFeatures.flatMap((events) => Object.entries(events ?? {}))) {
      socket.on(event, (...args) => {
        // Without an acknowledgement, a feature's answer would be useless.
        if (typeof args.at(-1) !== 'function') return
        this.#answer(args, (input) => {
          this.#parts.limits.spend(1, this.#context.identity, this.#context.bucket)
          return act(input)
        })
      })
    }
    this.#closes = this.#parts.features.flatMap(({ opens }) => opens?.(socket, this.#context.use) ?? [])
  }

  /** Tells the features that the socket has closed. */
  close(): void {
    for (const close of this.#closes) close()
  }

  #exchange(input: unknown, hasAck: boolean): Awaitable<PageAnswer> {
    const { identity, owner } = this.#context
    const message = parseMessage(input)
    // Only a POST tells or extends the session's end, because the handshake's cookies are as old as the connection.
    if (message.extend !== undefined) throw new LiveSessionError('malformed', 'expected a POST with extend')
    const { who } = message
    const isOwn = who === undefined || who === identity.who
    if (!isOwn && !identity.cookie) this.#parts.identifyChecks.recordBare(who)
    // The first greeting of a socket does not count as a question.
    if (this.#isGreeted && (!isOwn || isQuestion(message))) this.#parts.limits.spendOn('questions', identity)
    // After the greeting, a page that sends changes knows its visitor and cookie, which stay the same for the connection.
    const later = who === undefined || message.set.length === 0 ? 'identity' : 'results'
    const include = this.#isGreeted ? later : 'greeting'
    // Without an acknowledgement, the page gets its ticket by a push.
    const context = hasAck ? this.#context : { ...this.#context, socket: undefined }
    const answer = isOwn
      ? this.#parts.exchange.run(message, context, include)
      : this.#parts.exchange.answerOtherVisitor(identity, owner)
    // Set synchronously: of several messages in a turn, only the first is free.
    this.#isGreeted = true
    return answer
  }

  #reportRefusal(error: LiveSessionError): void {
    this.#parts.settings.emitRefusal('socket', error, () => subjectHash(this.#context.identity.visitor.subject()))
  }

  /** Acknowledges an event with its result, if the browser asked for an acknowledgement. */
  #answer(
    args: readonly unknown[],
    act: (input: unknown, hasAck: boolean) => Awaitable<PageAnswer | FlashAnswer>,
  ): void {
    if (!this.#context.checkVisitor()) return
    const ack = args.at(-1)
    const hasAck = typeof ack === 'function'
    const acknowledge = hasAck ? ack : () => undefined
    const refuse = (error: unknown): void => {
      if (error instanceof LiveSessionError) {
        if (isSuspicious(error.code)) this.#malformed.spend(1)
        this.#reportRefusal(error)
        acknowledge(refusalOf(error).ack)
      } else this.#parts.settings.report(error)
    }
    const wait = this.#parts.limits.wait(this.#malformed)
    if (wait > 0) {
      this.#malformed.spend(1)
      if (wait > TWICE_SPENT) void this.#link.hangUp()
      else refuse(TOO_MANY_MALFORMED)
      return
    }
    try {
      const inputs = hasAck ? args.slice(0, -1) : args
      if (inputs.length > 1) throw new LiveSessionError('malformed', 'expected one argument and an acknowledgement')
      const done = after(act(inputs[0], hasAck), (result) => this.#parts.exchange.afterFlush(() => acknowledge(result)))
      if (isThenable(done)) done.catch(refuse)
    } catch (error) {
      refuse(error)
    }
  }
}
