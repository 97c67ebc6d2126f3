// Decides which messages a response shows, and when open pages may show the others.

import type { ServerResponse } from 'node:http'
import type Koa from 'koa'
import type { JsonValue } from '../../../shared/json.js'
import type { ResponseContext, ResponseHook } from '../../feature.js'
import { isClosed, onHeadersSent } from '../../http/headers-sent.js'
import { isOwnPost, originHeaders } from '../../http/origin.js'
import { destinationOf, isPrefetch, isWorkerNavigation } from '../../http/page-load.js'
import type { Settings } from '../../settings/settings.js'
import { type Clock, schedule } from '../../settings/timers.js'
import type { BrowserSubject } from '../../subjects/subject.js'
import type { Flashes } from './flashes.js'
import { type FlashInput, type Message, NAME, parseMessages } from './message.js'

/** The receiver of a response: a page load, or a script in an open page. */
type Receiver = 'page' | 'script'

/** The messages consumed by a request, and their browser. */
interface Consumed {
  readonly browser: BrowserSubject
  readonly messages: readonly Message[]
}

interface FlashDeps {
  readonly clock: Clock
  readonly flashes: Flashes
  /** Notifies a browser's open pages of waiting messages. */
  notify(browser: BrowserSubject): void
}

/** ms for which messages are leased to the target page of a redirect. */
const LEASE = 2000
/** The lowest status of a failed response. */
const FAILURE = 500
/** The methods whose responses no browser shows. */
const WITHOUT_PAGE: readonly string[] = ['HEAD', 'OPTIONS']
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** Adds and consumes messages for a request. Restores consumed messages if the response fails. */
export class RequestFlash implements ResponseHook {
  readonly #deps: FlashDeps
  readonly #visit: ResponseContext
  readonly #res: ServerResponse
  /** `Flashes.count` when this request first used flash. The request's page counts as loaded after these messages. */
  readonly #since: number
  /** Whether the response contains messages, so that no cache may store it. */
  isOneTime = false
  readonly #added: Message[] = []
  /** The added messages that open pages may show after the lease. */
  readonly #leased: Message[] = []
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
    this.#leased.push(message)
    // Leases the message, because at a sign-in the browser's other pages reconnect before the response is sent, and would take the message.
    flashes.lease([message])
    if (this.#isWaiting) return
    this.#isWaiting = true
    onHeadersSent(this.#res, () => this.#arrive())
  }

  /**
   * Moves the messages added by this request to the visitor's new browser id. Leaves other messages behind, because an attacker who knows a
   * guest's id may have added them.
   */
  visitorChanged(): void {
    this.#deps.flashes.put(this.#browser, this.#added)
  }

  async consume(receiver: Receiver): Promise<readonly JsonValue[]> {
    const { flashes } = this.#deps
    const browser = this.#browser
    const messages = await flashes.consume(browser, this.#received, receiver === 'page' ? this.#since : undefined)
    if (messages.length > 0) this.#show({ browser, messages })
    return messages.map(({ content }) => content)
  }

  /** Called before the headers and the cookie are written. If the response has failed, restores the consumed messages for the next page. */
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

  /** After a redirect, gives the target page time to take the messages before open pages are notified. */
  #arrive(): void {
    this.#isWaiting = false
    if (REDIRECTS.has(this.#res.statusCode)) schedule(this.#deps.clock, LEASE, () => this.#endLease())
    else this.#endLease()
  }

  #endLease(): void {
    if (this.#deps.flashes.endLease(this.#leased)) this.#deps.notify(this.#browser)
  }
}

/**
 * Returns who gets the response: a page load, or a script in an open page; undefined if the response may never be visible. A prefetched
 * page may stay hidden, a browser shows no response to HEAD or OPTIONS, and any site can hide our pages in frames or in its scripts'
 * fetches. If the visitor reloads a page, the browser closes the connection while the app's code for the former request still runs.
 */
export function receiverOf(ctx: Koa.Context, { origins, cookie }: Settings): Receiver | undefined {
  if (WITHOUT_PAGE.includes(ctx.method) || isPrefetch(ctx) || isClosed(ctx.res)) return undefined
  const destination = destinationOf(ctx, cookie)
  if (destination === 'document') return 'page'
  if (!['', 'empty'].includes(destination) || !isOwnPost(originHeaders(ctx), origins)) return undefined
  // Clients other than browsers send no destination.
  return destination === '' || isWorkerNavigation(ctx) ? 'page' : 'script'
}
