import type { ServerResponse } from 'node:http'
import onHeaders from 'on-headers'
import type { JsonValue } from '../../shared/json.js'
import type { StoredRegister } from '../../shared/register.js'
import type { Core } from '../core.js'
import { isClosed, onArrival } from '../http/arrival.js'
import type { Exchange } from '../http/exchange.js'
import type { BrowserSubject } from '../identity/subject.js'
import type { Message } from './message.js'

/** Under which browser id it waits until now, and what that one's cookie had. */
interface Former {
  readonly browserSubject: BrowserSubject
  readonly flash?: readonly Message[] | undefined
}

/** ms in which a browser has the page that a redirect leads to. */
const ON_THE_WAY = 2000
/** The least status of an answer that has not come to what was asked for. */
const FAILURE = 500
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** What a request says, and takes, of what is shown once. */
export class RequestFlash {
  readonly #core: Core
  readonly #exchange: Pick<Exchange, 'visitor' | 'cookie'>
  readonly #res: ServerResponse
  /** Whether the answer shows what no other one may show, from a cache. */
  isShown = false
  /** What this very request has said. */
  readonly #said: Message[] = []
  /** Whether the answer is still to reach the browser, and what was said is offered then. */
  #isWaiting = false

  constructor(core: Core, exchange: Pick<Exchange, 'visitor' | 'cookie'>, res: ServerResponse) {
    this.#core = core
    this.#exchange = exchange
    this.#res = res
  }

  get hasSaid(): boolean {
    return this.#said.length > 0
  }

  /** Whether the cookie of the answer has to say something else than that of the request. */
  get isBehind(): boolean {
    return this.hasSaid || this.#core.flashes.hasTaken(this.#brought)
  }

  say(content: JsonValue): void {
    const { flashes } = this.#core
    const message = flashes.add(this.#browser, content)
    this.#said.push(message)
    // Where the request signs in, the browser's other pages connect again before the answer is out.
    flashes.hold([message])
    if (this.#isWaiting) return
    this.#isWaiting = true
    onArrival(this.#res, () => this.#arrive())
  }

  /**
   * The request goes on under another browser id. Where a guest has signed in, all that waits goes along; else only what this very request
   * has said: the rest was for the visitor who has gone.
   */
  leave({ browserSubject, flash = [] }: Former, isSignIn: boolean): void {
    const { flashes } = this.#core
    flashes.put(this.#browser, isSignIn ? flashes.pending(browserSubject, flash) : this.#said)
  }

  async take(): Promise<readonly JsonValue[]> {
    const browser = this.#browser
    const messages = await this.#core.flashes.take(browser, this.#brought)
    if (messages.length > 0) this.#show(messages, browser)
    return messages.map(({ content }) => content)
  }

  /** An answer that fails, or that the browser has not waited for, leaves them for the next page of the visitor whose they were. */
  #show(messages: readonly Message[], browser: BrowserSubject): void {
    const res = this.#res
    const giveBack = (): void => this.#core.flashes.giveBack(browser, messages)
    this.isShown = true
    if (res.headersSent) return
    if (isClosed(res)) giveBack()
    else res.once('close', giveBack)
    onHeaders(res, () => {
      res.off('close', giveBack)
      if (res.statusCode >= FAILURE) giveBack()
    })
  }

  /** What the cookie of the answer has room for beside its registers. */
  inCookie(registers: readonly StoredRegister[]): readonly Message[] {
    const { flashes, freshness } = this.#core
    return freshness.flash(flashes.pending(this.#browser, this.#brought), registers)
  }

  get #browser(): BrowserSubject {
    return this.#exchange.visitor.browserSubject
  }

  get #brought(): readonly Message[] {
    return this.#exchange.cookie?.flash ?? []
  }

  /** A redirect leads to a page that shows it. Where none has, it is offered as well. */
  #arrive(): void {
    this.#isWaiting = false
    if (REDIRECTS.has(this.#res.statusCode)) setTimeout(() => this.#offer(), ON_THE_WAY).unref()
    else this.#offer()
  }

  #offer(): void {
    if (!this.#core.flashes.release(this.#said)) return
    for (const connection of this.#core.connections.of(this.#browser)) connection.offerFlash()
  }
}
