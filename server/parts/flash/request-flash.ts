import type { ServerResponse } from 'node:http'
import type { JsonValue } from '../../../shared/json.js'
import type { BrowserSubject } from '../../kernel/names/subject.js'
import { isClosed, onArrival } from '../../kernel/requests/arrival.js'
import type { Answer, AnswerPart } from '../../kernel/seams.js'
import type { Flashes } from './flashes.js'
import { type Message, NAME, parseMessages, type Said } from './message.js'
import type { Reader } from './reader.js'

/** What a request has taken, and whose it was. */
interface Taken {
  readonly browser: BrowserSubject
  readonly messages: readonly Message[]
}

interface Needs {
  readonly flashes: Flashes
  /** Tells the open pages of a browser that there is something to show. */
  offer(browser: BrowserSubject): void
}

/** ms in which a browser has the page that a redirect leads to. */
const ON_THE_WAY = 2000
/** The least status of an answer that has not come to what was asked for. */
const FAILURE = 500
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** What a request says, and takes, of what is shown once. */
export class RequestFlash implements AnswerPart {
  readonly #core: Needs
  readonly #visit: Answer
  readonly #res: ServerResponse
  /** What was said before: its page loads after that. */
  readonly #since: number
  /** Whether the answer shows what no other one may show, from a cache. */
  isForOnce = false
  /** What this very request has said, and what of it open pages are offered. */
  readonly #said: Message[] = []
  readonly #offers: Message[] = []
  /** Whether the answer is still to reach the browser, and what was said is offered then. */
  #isWaiting = false
  /** What is given back where the answer does not come to be seen. */
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
    // Where the request signs in, the browser's other pages connect again before the answer is out.
    flashes.hold([message])
    if (this.#isWaiting) return
    this.#isWaiting = true
    onArrival(this.#res, () => this.#arrive())
  }

  /**
   * The request goes on under another browser id, with what it has itself said and no more: of a guest's id it is not known who else has it,
   * and may have said something there.
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

  /** As the headers go out, before the cookie is written: an answer that fails leaves what it has taken for the next page. */
  seal(): void {
    this.#res.off('close', this.#giveBack)
    if (this.#res.statusCode >= FAILURE) this.#giveBack()
  }

  /** An answer that the browser has not waited for leaves them for the next page of the visitor whose they were. */
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

  /** A redirect leads to a page that shows it. Where none has, it is offered as well. */
  #arrive(): void {
    this.#isWaiting = false
    if (REDIRECTS.has(this.#res.statusCode)) setTimeout(() => this.#offer(), ON_THE_WAY).unref()
    else this.#offer()
  }

  #offer(): void {
    if (this.#core.flashes.release(this.#offers)) this.#core.offer(this.#browser)
  }
}
