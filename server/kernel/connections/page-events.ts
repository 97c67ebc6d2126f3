import { LiveSessionError } from '../../../shared/errors.js'
import { isQuestion, parseSync } from '../../../shared/parse.js'
import { type Awaitable, after, isThenable } from '../../../shared/promise.js'
import { SYNC, type SyncAnswer } from '../../../shared/protocol.js'
import { tellRefusal } from '../../refused.js'
import type { Bucket } from '../exchange/limits.js'
import { refusalOf } from '../exchange/refusal.js'
import { dropped, type Side, sync } from '../exchange/sync.js'
import { subjectHash } from '../names/subject.js'
import type { Core } from '../seams/core.js'
import type { Part, SocketUse } from '../seams/part.js'

/** The source of a page's events. */
export interface EventSource {
  on(event: string, listener: (...args: unknown[]) => void): unknown
}

/** The side of an open socket. */
interface SocketSide extends Pick<Side, 'whose' | 'owner' | 'permit' | 'confirm'> {
  /** Returns whether the visitor is still there; if not, the connection is ended. */
  isThere(this: void): boolean
  /** Closes the connection; a page reconnects by itself. */
  hangUp(this: void): void
}

/** ms to wait for a bucket from which as much again was taken as it holds. */
const TWICE_SPENT = 2000
/** Codes that our own pages cause rarely or never. No other limit counts tickets that are cheap to refuse. */
const UNSOUND: ReadonlySet<string> = new Set(['malformed', 'bad_ticket', 'other_subject'])
const UNREAD = new LiveSessionError('rate_limited', 'too many malformed messages')

/** The events that a page sends over its socket, and their answers. */
export class PageEvents {
  readonly #core: Core
  /** Counts its unsound messages, with the same limit as changes. */
  readonly #malformed: Bucket
  readonly #side: Side & SocketSide
  /** The events that each part answers. */
  readonly #ofParts: readonly (ReturnType<NonNullable<Part['events']>> | undefined)[]
  #isGreeted = false

  constructor(core: Core, use: SocketUse, side: SocketSide) {
    this.#core = core
    this.#malformed = core.limits.ofSocket()
    const refuse = (error: LiveSessionError): void => this.#tell(error)
    this.#side = Object.assign(side, { source: 'socket' as const, bucket: core.limits.ofSocket(), refuse })
    this.#ofParts = core.parts.map(({ events }) => events?.(use))
  }

  listen(socket: EventSource): void {
    socket.on(SYNC, (...args) => this.#answer(args, (input) => this.#sync(input)))
    for (const [event, act] of this.#ofParts.flatMap((events) => Object.entries(events ?? {}))) {
      socket.on(event, (...args) => {
        // A part's answer is of no use to a page that does not wait for it.
        if (typeof args.at(-1) === 'function') this.#answer(args, (input) => this.#ask(act, input))
      })
    }
  }

  #sync(input: unknown): Awaitable<SyncAnswer> {
    const { whose } = this.#side
    const wanted = parseSync(input)
    const { who } = wanted
    const isOwn = who === undefined || who === whose.who
    // A connection's first greeting is not counted.
    if (this.#isGreeted && (!isOwn || isQuestion(wanted))) this.#core.limits.spendQuestion(whose)
    return after(
      isOwn ? sync(this.#core, wanted, this.#side, this.#isGreeted) : dropped(this.#core, whose),
      (answer) => {
        this.#isGreeted = true
        return answer
      },
    )
  }

  #ask(act: (input: unknown) => Awaitable<object>, input: unknown): Awaitable<object> {
    this.#core.limits.spend(1, this.#side.whose, this.#side.bucket)
    return act(input)
  }

  #tell(error: LiveSessionError): void {
    tellRefusal(this.#core.app, 'socket', error, () => subjectHash(this.#side.whose.visitor.subject()))
  }

  /** Answers an event with its result. A browser that asked for no answer gets none. */
  #answer(args: readonly unknown[], act: (input: unknown) => Awaitable<object>): void {
    if (!this.#side.isThere()) return
    const ack = args.at(-1)
    const answer = typeof ack === 'function' ? ack : () => undefined
    const refuse = (error: unknown): void => {
      if (error instanceof LiveSessionError) {
        if (UNSOUND.has(error.code)) this.#malformed.take(1)
        this.#tell(error)
        answer(refusalOf(error).ack)
      } else this.#core.report(error)
    }
    const wait = this.#core.limits.wait(this.#malformed)
    if (wait > 0) {
      this.#malformed.take(1)
      if (wait > TWICE_SPENT) this.#side.hangUp()
      else refuse(UNREAD)
      return
    }
    try {
      const inputs = typeof ack === 'function' ? args.slice(0, -1) : args
      if (inputs.length > 1) throw new LiveSessionError('malformed', 'expected one argument and an acknowledgement')
      const done = after(act(inputs[0]), (result) => this.#core.dispatch.afterwards(() => answer(result)))
      if (isThenable(done)) done.catch(refuse)
    } catch (error) {
      refuse(error)
    }
  }
}
