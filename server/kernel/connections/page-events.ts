import type Koa from 'koa'
import { LiveSessionError } from '../../../shared/errors.js'
import { isQuestion, parseSync } from '../../../shared/parse.js'
import { type Awaitable, after, isThenable } from '../../../shared/promise.js'
import { type Level, SYNC, type SyncAnswer } from '../../../shared/protocol.js'
import { subjectHash } from '../names/subject.js'
import { tellRefusal } from '../refused.js'
import type { Report } from '../report.js'
import type { Bucket } from '../requests/limits.js'
import type { Part, SocketUse } from '../seams.js'
import { refusalOf } from '../values/refusal.js'
import { dropped, type Side, type SyncNeeds, sync } from '../values/sync.js'
import type { Opener } from './connection.js'

export interface PageNeeds extends SyncNeeds {
  readonly app: Koa
  readonly parts: readonly Part[]
  readonly report: Report
}

/** The source of a page's events. */
export interface EventSource {
  on(event: string, listener: (...args: unknown[]) => void): unknown
}

/** The visitor of an open socket. */
export interface Asking {
  readonly opener: Opener
  /** Returns whether the visitor is still there; if not, the connection is ended. */
  isThere(this: void): boolean
  /** @throws {LiveSessionError} `superseded` if the visitor has gone meanwhile */
  permit(this: void): void
  /** @throws {LiveSessionError} the same, if the store says so; else returns how far a write has got */
  confirm(this: void, level: Level): Awaitable<Level>
  /** Closes the connection; a page reconnects by itself. */
  hangUp(this: void): void
}

/** ms to wait for a bucket from which as much again was taken as it holds. */
const TWICE_SPENT = 2000
const UNREAD = new LiveSessionError('rate_limited', 'too many malformed messages')

/** The events that a page sends over its socket, and their answers. */
export class PageEvents {
  readonly #core: PageNeeds
  readonly #asking: Asking
  readonly #bucket: Bucket
  /** Its malformed messages, which no page of ours sends: as many as changes. */
  readonly #malformed: Bucket
  readonly #side: Side
  /** The events that each part answers. */
  readonly #ofParts: readonly (ReturnType<NonNullable<Part['events']>> | undefined)[]
  #isGreeted = false

  constructor(core: PageNeeds, use: SocketUse, asking: Asking) {
    this.#core = core
    this.#asking = asking
    this.#bucket = core.limits.ofSocket()
    this.#malformed = core.limits.ofSocket()
    const { opener, permit, confirm } = asking
    const refuse = (error: LiveSessionError): void => this.#tell(error)
    this.#side = { whose: opener, source: 'socket', bucket: this.#bucket, permit, confirm, refuse }
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
    const { opener } = this.#asking
    const wanted = parseSync(input)
    const { who } = wanted
    const isOwn = who === undefined || who === opener.who
    // A connection's first greeting is not counted.
    if (this.#isGreeted && (!isOwn || isQuestion(wanted))) this.#core.limits.spendQuestion(opener)
    return after(
      isOwn ? sync(this.#core, wanted, this.#side, this.#isGreeted) : dropped(this.#core, opener),
      (answer) => {
        this.#isGreeted = true
        return answer
      },
    )
  }

  #ask(act: (input: unknown) => Awaitable<object>, input: unknown): Awaitable<object> {
    this.#core.limits.spend(1, this.#asking.opener, this.#bucket)
    return act(input)
  }

  #tell(error: LiveSessionError): void {
    tellRefusal(this.#core.app, 'socket', error, () => subjectHash(this.#asking.opener.visitor.subject()))
  }

  /** Answers an event with its result. A browser that asked for no answer gets none. */
  #answer(args: readonly unknown[], act: (input: unknown) => Awaitable<object>): void {
    if (!this.#asking.isThere()) return
    const ack = args.at(-1)
    const answer = typeof ack === 'function' ? ack : () => undefined
    const refuse = (error: unknown): void => {
      if (error instanceof LiveSessionError) {
        if (error.code === 'malformed') this.#malformed.take(1)
        this.#tell(error)
        answer(refusalOf(error).ack)
      } else this.#core.report(error)
    }
    const wait = this.#core.limits.wait(this.#malformed)
    if (wait > 0) {
      this.#malformed.take(1)
      if (wait > TWICE_SPENT) this.#asking.hangUp()
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
