import type { ServerResponse } from 'node:http'
import type { JsonValue } from '../../../shared/json.js'
import type { ResponseContext, ResponseHook } from '../../feature.js'
import { isClosed, onHeadersSent } from '../../identity/rotations.js'
import type { BrowserSubject } from '../../subjects/subject.js'
import type { Flashes } from './flashes.js'
import { type FlashInput, type Message, NAME, parseMessages } from './message.js'
import type { Reader } from './reader.js'

/** The messages consumed by a request, and their browser. */
interface Consumed {
  readonly browser: BrowserSubject
  readonly messages: readonly Message[]
}

interface FlashDeps {
  readonly flashes: Flashes
  /** Notifies a browser's open pages of waiting messages. */
  offer(browser: BrowserSubject): void
}

/** ms within which a browser loads the target page of a redirect. */
const ON_THE_WAY = 2000
/** The lowest status of a failed response. */
const FAILURE = 500
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** Adds and consumes messages for a request, and returns consumed messages to the queue if the response fails. */
export class RequestFlash implements ResponseHook {
  readonly #deps: FlashDeps
  readonly #visit: ResponseContext
  readonly #res: ServerResponse
  /** The count of messages when this request first used flash: its page counts as loaded after these messages. */
  readonly #since: number
  /** Whether the response contains messages, so that no cache may store it. */
  isOneTime = false
  /** The messages added by this request. */
  readonly #added: Message[] = []
  /** Those of the added messages that open pages may show. */
  readonly #offers: Message[] = []
  /** Whether open pages will be notified once the response has reached the browser. */
  #isWaiting = false
  /** The messages to restore if the response is never visible. */
  readonly #consumed: Consumed[] = []

  constructor(deps: FlashDeps, visit: ResponseContext, res: ServerResponse) {
    this.#deps = deps
    this.#visit = visit
    this.#res = res
    this.#since = deps.flashes.count
  }

  get hasNewContent(): boolean {
    return this.#added.length > 0
  }

  add(input: FlashInput): void {
    const { flashes } = this.#deps
    const message = flashes.add(this.#browser, input)
    this.#added.push(message)
    if (input.isForNext) return
    this.#offers.push(message)
    // If the request signs in, the browser's other pages reconnect before the response goes out, and would take the message.
    flashes.reserve([message])
    if (this.#isWaiting) return
    this.#isWaiting = true
    onHeadersSent(this.#res, () => this.#arrive())
  }

  /**
   * Carries the messages added by this request over to another browser id. Leaves other messages behind, because an attacker may know a
   * guest's id, and may have added messages there.
   */
  visitorChanged(): void {
    this.#deps.flashes.put(this.#browser, this.#added)
  }

  async consume(reader: Reader): Promise<readonly JsonValue[]> {
    const { flashes } = this.#deps
    const browser = this.#browser
    const messages = await flashes.consume(browser, this.#received, reader === 'page' ? this.#since : undefined)
    if (messages.length > 0) this.#show({ browser, messages })
    return messages.map(({ content }) => content)
  }

  /** Called before the headers and the cookie are written: after a failure, restores the consumed messages for the next page. */
  beforeHeaders(): void {
    this.#res.off('close', this.#restore)
    if (this.#res.statusCode >= FAILURE) this.#restore()
  }

  /** Makes the response uncacheable. If the connection closes before the headers, restores the messages for the visitor's next page. */
  #show(consumed: Consumed): void {
    const res = this.#res
    this.isOneTime = true
    if (res.headersSent) return
    this.#consumed.push(consumed)
    res.off('close', this.#restore)
    if (isClosed(res)) this.#restore()
    else res.once('close', this.#restore)
  }

  readonly #restore = (): void => {
    for (const { browser, messages } of this.#consumed.splice(0)) this.#deps.flashes.restore(browser, messages)
  }

  get #browser(): BrowserSubject {
    return this.#visit.visitor.browserSubject
  }

  get #received(): readonly Message[] {
    return parseMessages(this.#visit.cookie?.members?.[NAME])
  }

  /** After a redirect, gives its target page time to take the messages, before open pages are notified. */
  #arrive(): void {
    this.#isWaiting = false
    if (REDIRECTS.has(this.#res.statusCode)) setTimeout(() => this.#offer(), ON_THE_WAY).unref()
    else this.#offer()
  }

  #offer(): void {
    if (this.#deps.flashes.endReservation(this.#offers)) this.#deps.offer(this.#browser)
  }
}
