import { randomBytes } from 'node:crypto'
import { memoryBytes } from '../../../shared/budget.js'
import { timeAfter } from '../../../shared/stamp.js'
import { RotatingCache } from '../../kernel/memory/rotating-cache.js'
import type { BrowserSubject } from '../../kernel/names/subject.js'
import type { Core } from '../../kernel/seams/core.js'
import { FLASH_LIFETIME, gather, type Message, type Said } from './message.js'

/** Approximate bytes of a browser's place in memory, of a message without its content, and of a taken one's id. */
const PLACE = 200
const FRAME = 150
const ID = 120

/**
 * Messages to show to browsers once. They wait in memory, and in the cookie of each response written meanwhile. This process, and with a
 * store the store, ensures that each is taken only once.
 */
export class Flashes {
  readonly #core: Pick<Core, 'guestBytes' | 'settings' | 'store'>
  readonly #waiting: RotatingCache<readonly Message[]>
  /** Ids of messages that were taken here: cookies may still have them. */
  readonly #taken: RotatingCache<true>
  /** Ids of messages that wait for the page that a response leads to. */
  readonly #held = new Set<string>()
  #count = 0

  constructor(core: Pick<Core, 'guestBytes' | 'settings' | 'store'>) {
    const { guestBytes: bytes, settings } = core
    const options = { maxIdle: FLASH_LIFETIME, clock: settings.clock }
    this.#core = core
    this.#waiting = RotatingCache.onMap({ ...options, shared: { bytes, weigh } })
    this.#taken = RotatingCache.onMap({ ...options, shared: { bytes, weigh: () => ID } })
  }

  /** How many messages were added here so far, which tells whether a page loads before or after one. */
  get count(): number {
    return this.#count
  }

  add(browser: BrowserSubject, { content, isForNext }: Said): Message {
    const last = this.#waiting.get(browser)?.at(-1)?.at ?? 0
    this.#count += 1
    const next = isForNext ? this.#count : undefined
    const message = { id: newId(), at: timeAfter(last, this.#core.settings.clock()), content, next }
    this.put(browser, [message])
    return message
  }

  /** Messages that were taken but not shown wait again, under new ids: the former ones are spent, here and in a store. */
  giveBack(browser: BrowserSubject, taken: readonly Message[]): void {
    this.put(
      browser,
      taken.map((message) => ({ ...message, id: newId() })),
    )
  }

  /** Moves messages to another browser id. */
  put(browser: BrowserSubject, messages: readonly Message[]): void {
    if (messages.length > 0) this.#waiting.set(browser, this.pending(browser, messages))
  }

  /** @param brought the messages in the browser's cookie */
  pending(browser: BrowserSubject, brought: readonly Message[] = []): readonly Message[] {
    const waiting = this.#waiting.get(browser)
    if (!waiting && brought.length === 0) return brought
    const all = [...brought, ...(waiting ?? [])]
    return gather(
      all.filter((message) => !this.#isTaken(message)),
      this.#core.settings.clock(),
    )
  }

  /** Returns whether a cookie has messages that were taken since. */
  hasTaken(brought: readonly Message[]): boolean {
    return brought.some(this.#isTaken)
  }

  /** Keeps messages for the next page until `release`, as an open one may be quicker. */
  hold(messages: readonly Message[]): void {
    for (const { id } of messages) this.#held.add(id)
  }

  /** Returns whether any still waits. */
  release(messages: readonly Message[]): boolean {
    for (const { id } of messages) this.#held.delete(id)
    return !messages.every(this.#isTaken)
  }

  /**
   * Takes the messages that one response alone should show.
   *
   * @param since how many were added before its page loads; undefined if no page does
   */
  take(browser: BrowserSubject, brought: readonly Message[], since?: number): Promise<readonly Message[]> {
    return this.#take(browser, this.pending(browser, brought).filter(isFor(since)))
  }

  /** Takes the messages that one open page alone should show. */
  takeOpenly(browser: BrowserSubject, brought: readonly Message[], since?: number): Promise<readonly Message[]> {
    const free = this.pending(browser, brought).filter(({ id }) => !this.#held.has(id))
    return this.#take(browser, free.filter(isFor(since)))
  }

  /** If a store does not say in time who was first, a message is shown: twice is better than never, or than making a page wait. */
  async #take(browser: BrowserSubject, messages: readonly Message[]): Promise<readonly Message[]> {
    const { store } = this.#core
    for (const { id } of messages) this.#taken.set(id, true)
    if (this.pending(browser, []).length === 0) this.#waiting.delete(browser)
    const spent = await Promise.all(messages.map(({ id }) => store?.singleUse.spendInTime(`flash:${id}`)))
    return messages.filter((_, at) => spent[at] !== false)
  }

  readonly #isTaken = ({ id }: Message): boolean => this.#taken.get(id) !== undefined
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
