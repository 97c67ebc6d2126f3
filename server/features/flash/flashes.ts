import { randomBytes } from 'node:crypto'
import { memoryBytes } from '../../../shared/budget.js'
import { timeAfter } from '../../../shared/stamp.js'
import type { Core } from '../../core.js'
import { RotatingCache } from '../../memory/rotating-cache.js'
import type { BrowserSubject } from '../../subjects/subject.js'
import { FLASH_LIFETIME, type FlashInput, gather, type Message } from './message.js'

/** Approximate bytes in memory: of a browser's entry, of a message without its content, and of the id of a consumed message. */
const PLACE = 200
const FRAME = 150
const ID = 120

/**
 * The messages waiting for each browser, in memory and in the cookies written meanwhile. Each message is consumed only once: the store
 * decides or, without a store, this process.
 */
export class Flashes {
  readonly #core: Core
  readonly #waiting: RotatingCache<readonly Message[]>
  /** Ids of messages consumed in this process: cookies may still have them. */
  readonly #consumed: RotatingCache<true>
  /** Ids of messages leased to the next page load: open pages may not consume them. */
  readonly #leased = new Set<string>()
  #count = 0

  constructor(core: Core) {
    const { guestMemory: bytes, settings } = core
    const options = { maxIdle: FLASH_LIFETIME, clock: settings.clock }
    this.#core = core
    this.#waiting = RotatingCache.onMap({ ...options, shared: { bytes, weigh } })
    this.#consumed = RotatingCache.onMap({ ...options, shared: { bytes, weigh: () => ID } })
  }

  /** The number of messages added so far in this process: tells whether a page began to load before or after a message. */
  get count(): number {
    return this.#count
  }

  add(browser: BrowserSubject, { content, isForNext }: FlashInput): Message {
    const last = this.#waiting.get(browser)?.at(-1)?.at ?? 0
    this.#count += 1
    const next = isForNext ? this.#count : undefined
    const message = { id: newId(), at: timeAfter(last, this.#core.settings.clock()), content, next }
    this.put(browser, [message])
    return message
  }

  /** Restores messages that were consumed but not shown, under new ids: the former ids are spent, here and in the store. */
  restore(browser: BrowserSubject, consumed: readonly Message[]): void {
    this.put(
      browser,
      consumed.map((message) => ({ ...message, id: newId() })),
    )
  }

  /** Adds messages to those waiting for a browser. */
  put(browser: BrowserSubject, messages: readonly Message[]): void {
    if (messages.length > 0) this.#waiting.set(browser, this.pending(browser, messages))
  }

  /** @param received the messages in the browser's cookie */
  pending(browser: BrowserSubject, received: readonly Message[] = []): readonly Message[] {
    const waiting = this.#waiting.get(browser)
    if (!waiting && received.length === 0) return received
    const all = [...received, ...(waiting ?? [])]
    return gather(
      all.filter((message) => !this.#isConsumed(message)),
      this.#core.settings.clock(),
    )
  }

  /** Returns whether a cookie still has messages that were consumed. */
  hasConsumed(received: readonly Message[]): boolean {
    return received.some(this.#isConsumed)
  }

  /** Leases messages to the next page load until `endLease`, because an open page would consume them first. */
  lease(messages: readonly Message[]): void {
    for (const { id } of messages) this.#leased.add(id)
  }

  /** Ends a lease. Returns whether any message still waits. */
  endLease(messages: readonly Message[]): boolean {
    for (const { id } of messages) this.#leased.delete(id)
    return !messages.every(this.#isConsumed)
  }

  /**
   * Consumes the messages for a single response to show.
   *
   * @param since the count of messages when the response's page began to load; undefined if the response is no page
   */
  consume(browser: BrowserSubject, received: readonly Message[], since?: number): Promise<readonly Message[]> {
    return this.#consume(browser, this.pending(browser, received).filter(isFor(since)))
  }

  /** Consumes the messages for a single open page to show, except leased messages. */
  consumeOpenly(browser: BrowserSubject, received: readonly Message[], since?: number): Promise<readonly Message[]> {
    const open = this.pending(browser, received).filter(({ id }) => !this.#leased.has(id))
    return this.#consume(browser, open.filter(isFor(since)))
  }

  /** If the store does not answer in time, returns the messages: twice is better than never, and no page should wait. */
  async #consume(browser: BrowserSubject, messages: readonly Message[]): Promise<readonly Message[]> {
    const { store } = this.#core
    for (const { id } of messages) this.#consumed.set(id, true)
    if (this.pending(browser, []).length === 0) this.#waiting.delete(browser)
    const spent = await Promise.all(messages.map(({ id }) => store?.singleUse.spendInTime(`flash:${id}`)))
    return messages.filter((_, at) => spent[at] !== false)
  }

  readonly #isConsumed = ({ id }: Message): boolean => this.#consumed.get(id) !== undefined
}

function weigh(messages: readonly Message[]): number {
  return messages.reduce((sum, { content }) => sum + FRAME + memoryBytes(content), PLACE)
}

function isFor(since = -1): (message: Message) => boolean {
  return ({ next }) => next === undefined || next <= since
}

function newId(): string {
  return randomBytes(9).toString('base64url')
}
