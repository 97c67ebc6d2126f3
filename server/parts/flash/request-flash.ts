import type { ServerResponse } from 'node:http'
import type { JsonValue } from '../../../shared/json.js'
import type { BrowserSubject } from '../../kernel/names/subject.js'
import type { Answer, AnswerPart } from '../../kernel/seams/part.js'
import { isClosed, onArrival } from '../../kernel/visitors/arrival.js'
import type { Flashes } from './flashes.js'
import { type Message, NAME, parseMessages, type Said } from './message.js'
import type { Reader } from './reader.js'

/** What a request has taken, and from which browser. */
interface Taken {
  readonly browser: BrowserSubject
  readonly messages: readonly Message[]
}

interface Needs {
  readonly flashes: Flashes
  /** Tells a browser's open pages that there is something to show. */
  offer(browser: BrowserSubject): void
}

/** ms within which a browser has loaded the page that a redirect leads to. */
const ON_THE_WAY = 2000
/** The lowest status of a failed response. */
const FAILURE = 500
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** The messages that a request adds and takes. */
export class RequestFlash implements AnswerPart {
  readonly #core: Needs
  readonly #visit: Answer
  readonly #res: ServerResponse
  /** How many messages were added before: its page loads after those. */
  readonly #since: number
  /** Whether the response shows what must not be shown again, from a cache. */
  isForOnce = false
  /** What this request itself has added, and what of it is offered to open pages. */
  readonly #said: Message[] = []
  readonly #offers: Message[] = []
  /** Whether messages are to be offered once the response has reached the browser. */
  #isWaiting = false
  /** What is given back if the response is never seen. */
  readonly #taken: Taken[] = []

  constructor(core: Needs, visit: Answer, res: ServerResponse) {
    this.#core = core
    this.#visit = visit
    this.#res = res
    this.#since = core.flashes.count
  }

  get hasNews(): boolean {
    return this.#said.length > 0
  }

  say(said: Said): void {
    const { flashes } = this.#core
    const message = flashes.add(this.#browser, said)
    this.#said.push(message)
    if (said.isForNext) return
    this.#offers.push(message)
    // If the request signs in, the browser's other pages reconnect before the response is sent.
    flashes.hold([message])
    if (this.#isWaiting) return
    this.#isWaiting = true
    onArrival(this.#res, () => this.#arrive())
  }

  /**
   * Continues the request under another browser id, with only the messages it has added itself: it is unknown who else has a guest's id,
   * and may have added some there.
   */
  changeHands(): void {
    this.#core.flashes.put(this.#browser, this.#said)
  }

  async take(reader: Reader): Promise<readonly JsonValue[]> {
    const { flashes } = this.#core
    const browser = this.#browser
    const messages = await flashes.take(browser, this.#brought, reader === 'page' ? this.#since : undefined)
    if (messages.length > 0) this.#show({ browser, messages })
    return messages.map(({ content }) => content)
  }

  /** Called when the headers are sent, before the cookie is written: a failed response leaves what it has taken for the next page. */
  seal(): void {
    this.#res.off('close', this.#giveBack)
    if (this.#res.statusCode >= FAILURE) this.#giveBack()
  }

  /** A response that the browser did not wait for leaves the messages for the next page of their visitor. */
  #show(taken: Taken): void {
    const res = this.#res
    this.isForOnce = true
    if (res.headersSent) return
    this.#taken.push(taken)
    res.off('close', this.#giveBack)
    if (isClosed(res)) this.#giveBack()
    else res.once('close', this.#giveBack)
  }

  readonly #giveBack = (): void => {
    for (const { browser, messages } of this.#taken.splice(0)) this.#core.flashes.giveBack(browser, messages)
  }

  get #browser(): BrowserSubject {
    return this.#visit.visitor.browserSubject
  }

  get #brought(): readonly Message[] {
    return parseMessages(this.#visit.cookie?.members?.[NAME])
  }

  /** A redirect leads to a page that shows the messages. If none has, they are offered too. */
  #arrive(): void {
    this.#isWaiting = false
    if (REDIRECTS.has(this.#res.statusCode)) setTimeout(() => this.#offer(), ON_THE_WAY).unref()
    else this.#offer()
  }

  #offer(): void {
    if (this.#core.flashes.release(this.#offers)) this.#core.offer(this.#browser)
  }
}
