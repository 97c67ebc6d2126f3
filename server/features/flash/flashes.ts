// Decides which messages wait for a browser, and which response or page shows each message.

import { randomBytes } from 'node:crypto'
import { memoryBytes } from '../../../shared/budget.js'
import { timeAfter } from '../../../shared/stamp.js'
import { RotatingCache } from '../../memory/rotating-cache.js'
import type { FeatureParts } from '../../parts.js'
import type { BrowserSubject } from '../../subjects/subject.js'
import { FLASH_LIFETIME, type FlashInput, gather, type Message } from './message.js'

/** Approximate bytes in memory of a browser's entry. */
const PLACE = 200
/** Approximate bytes in memory of a message without its content. */
const FRAME = 150
/** Approximate bytes in memory of the id of a consumed message. */
const ID = 120

type Parts = Pick<FeatureParts, 'budgets' | 'settings' | 'store'>

/**
 * The messages waiting for each browser, in memory and in cookies. Each message is consumed only once. The store decides which call is
 * first, or this process if there is no store.
 */
export class Flashes {
  readonly #parts: Parts
  readonly #waiting: RotatingCache<readonly Message[]>
  /** Ids of messages consumed in this process, because cookies may still have these messages. */
  readonly #consumed: RotatingCache<true>
  /** Ids of messages leased to the next page load. Open pages may not consume leased messages. */
  readonly #leased = new Set<string>()
  #count = 0

  constructor(parts: Parts) {
    const bytes = parts.budgets.guests
    const options = { maxIdle: FLASH_LIFETIME, clock: parts.settings.clock }
    this.#parts = parts
    this.#waiting = RotatingCache.onMap({ ...options, shared: { bytes, weigh } })
    this.#consumed = RotatingCache.onMap({ ...options, shared: { bytes, weigh: () => ID } })
  }

  /** The number of messages added so far in this process. By this count, a page knows which messages were added before it began to load. */
  get count(): number {
    return this.#count
  }

  add(browser: BrowserSubject, { content, isForNext }: FlashInput): Message {
    const last = this.#waiting.get(browser)?.at(-1)?.at ?? 0
    this.#count += 1
    const next = isForNext ? this.#count : undefined
    const message = { id: newId(), at: timeAfter(last, this.#parts.settings.clock()), content, next }
    this.put(browser, [message])
    return message
  }

  /**
   * Restores messages that were consumed but not shown. Gives them new ids, because the former ids are spent in this process and in the
   * store.
   */
  restore(browser: BrowserSubject, consumed: readonly Message[]): void {
    const again = consumed.map((message) => ({ ...message, id: newId() }))
    this.put(browser, again)
  }

  /** Adds messages to those waiting for a browser. */
  put(browser: BrowserSubject, messages: readonly Message[]): void {
    if (messages.length > 0) this.#waiting.set(browser, this.pending(browser, messages))
  }

  /** @param received the messages in the browser's cookie */
  pending(browser: BrowserSubject, received: readonly Message[] = []): readonly Message[] {
    const waiting = this.#waiting.get(browser)
    if (!waiting && received.length === 0) return received
    const open = [...received, ...(waiting ?? [])].filter((message) => !this.#isConsumed(message))
    return gather(open, this.#parts.settings.clock())
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
   * Consumes the browser's messages: the caller's response is the only one that shows them.
   *
   * @param since `count` when the response's page began to load; undefined if the response is no page
   */
  consume(browser: BrowserSubject, received: readonly Message[], since?: number): Promise<readonly Message[]> {
    return this.#consume(browser, this.pending(browser, received).filter(isFor(since)))
  }

  /** Consumes the browser's messages except leased messages: the open page that asks is the only one that shows them. */
  consumeOpenly(browser: BrowserSubject, received: readonly Message[], since?: number): Promise<readonly Message[]> {
    const open = this.pending(browser, received).filter(({ id }) => !this.#leased.has(id))
    return this.#consume(browser, open.filter(isFor(since)))
  }

  /**
   * Returns the messages that no other process has consumed. If the store does not answer in time, returns all: shown twice is better than
   * never, and no page should wait.
   */
  async #consume(browser: BrowserSubject, messages: readonly Message[]): Promise<readonly Message[]> {
    const { store } = this.#parts
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
