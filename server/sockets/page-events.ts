import { LiveSessionError } from '../../shared/errors.js'
import { isQuestion, parseSync } from '../../shared/parse.js'
import { type Awaitable, after, isThenable } from '../../shared/promise.js'
import { type FlashAnswer, type Level, SYNC, type SyncAnswer, TAKE_FLASH } from '../../shared/protocol.js'
import type { Core } from '../core.js'
import { subjectHash } from '../identity/subject.js'
import { type Bucket, countedAs } from '../limits/limits.js'
import { tellRefusal } from '../refused.js'
import { refusalOf } from '../values/refusal.js'
import { dropped, type Side, sync } from '../values/sync.js'
import type { Opener } from './connection.js'

/** Where the events of a page come from. */
export interface EventSource {
  on(event: string, listener: (...args: unknown[]) => void): unknown
}

/** The visitor of an open socket. */
export interface Asking {
  readonly opener: Opener
  /** Whether the visitor is still there; where not, the connection is ended. */
  isThere(this: void): boolean
  /** @throws {LiveSessionError} `superseded` where the visitor has gone meanwhile */
  permit(this: void): void
  /** @throws {LiveSessionError} the same, where the store says so: how far a write has got */
  confirm(this: void, level: Level): Awaitable<Level>
}

/** Takes what a page sends over its socket, and answers each event. */
export class PageEvents {
  readonly #core: Core
  readonly #asking: Asking
  readonly #bucket: Bucket
  readonly #side: Side
  /** How many messages had been said when the page connected. */
  readonly #since: number
  #isGreeted = false

  constructor(core: Core, asking: Asking) {
    this.#core = core
    this.#asking = asking
    this.#bucket = core.limits.ofSocket()
    const { opener, permit, confirm } = asking
    const refuse = (error: LiveSessionError): void => this.#tell(error)
    this.#side = { whose: opener, source: 'socket', bucket: this.#bucket, permit, confirm, refuse }
    this.#since = core.flashes.count
  }

  listen(socket: EventSource): void {
    socket.on(SYNC, (...args) => this.#answer(args, 1, (input) => this.#sync(input)))
    socket.on(TAKE_FLASH, (...args) => {
      // Without an acknowledgement nothing would be shown.
      if (typeof args.at(-1) !== 'function') return
      this.#answer(args, args.length > 1 ? 1 : 0, (isBack) => this.#takeFlash(isBack))
    })
  }

  #sync(input: unknown): Awaitable<SyncAnswer> {
    const { opener } = this.#asking
    const wanted = parseSync(input)
    const { who } = wanted
    const isOwn = who === undefined || who === opener.who
    // The first greeting is any connection's.
    if (this.#isGreeted && (!isOwn || isQuestion(wanted))) this.#core.limits.spendQuestion(countedAs(opener))
    return after(
      isOwn ? sync(this.#core, wanted, this.#side, this.#isGreeted) : dropped(this.#core, opener),
      (answer) => {
        this.#isGreeted = true
        return answer
      },
    )
  }

  /** @param isBack whether the page was connected before: it loads after nothing that was said since */
  #takeFlash(isBack: unknown): Awaitable<FlashAnswer> {
    if (isBack !== undefined && isBack !== true)
      throw new LiveSessionError('malformed', 'expected true of a page that comes back')
    const { visitor, cookie } = this.#asking.opener
    this.#core.limits.spend(1, visitor.subject(), this.#bucket)
    const since = isBack ? undefined : this.#since
    const taken = this.#core.flashes.takeOpenly(visitor.browserSubject, cookie?.flash ?? [], since)
    return after(taken, (messages) => ({ ok: true, messages: messages.map(({ content }) => content) }))
  }

  #tell(error: LiveSessionError): void {
    tellRefusal(this.#core.app, 'socket', error, () => subjectHash(this.#asking.opener.visitor.subject()))
  }

  /** Answers an event with what came of it. A browser that asked for no answer gets none. */
  #answer(args: readonly unknown[], count: 0 | 1, act: (input: unknown) => Awaitable<object>): void {
    if (!this.#asking.isThere()) return
    const ack = args.at(-1)
    const answer = typeof ack === 'function' ? ack : () => undefined
    const refuse = (error: unknown): void => {
      if (error instanceof LiveSessionError) {
        this.#tell(error)
        answer(refusalOf(error))
      } else this.#core.report(error)
    }
    try {
      const inputs = typeof ack === 'function' ? args.slice(0, -1) : args
      if (inputs.length !== count)
        throw new LiveSessionError('malformed', `expected ${count} arguments and an acknowledgement`)
      const done = after(act(inputs[0]), (result) => this.#core.dispatch.afterwards(() => answer(result)))
      if (isThenable(done)) done.catch(refuse)
    } catch (error) {
      refuse(error)
    }
  }
}
