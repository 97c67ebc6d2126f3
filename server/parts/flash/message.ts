import { freezeJson, type JsonValue } from '../../../shared/json.js'
import { isAhead, isStamp } from '../../../shared/stamp.js'
import { LONGEST_VALIDITY } from '../../kernel/remote/single-use.js'
import { given } from '../../kernel/seams/given.js'

/** A message that is shown once. */
export interface Message {
  readonly id: string
  /** ms since 1970 */
  readonly at: number
  readonly content: JsonValue
  /**
   * If only a page that loads afterwards shows it: how many messages this process had added by then, including this one. 0 for one from a
   * cookie; otherwise undefined.
   */
  readonly next?: number | undefined
}

/** The name of the cookie member with the messages. */
export const NAME = 'flash'

/** The options that an app passes. */
export interface FlashOptions {
  readonly for?: 'any' | 'next'
}

/** An app's message, and for which pages. */
export interface Said {
  readonly content: JsonValue
  /** Only for those that load afterwards. */
  readonly isForNext: boolean
}

/** ms after which a message is no longer shown. */
export const FLASH_LIFETIME: number = LONGEST_VALIDITY
/** Maximum messages of one browser: beyond that the oldest are dropped. */
const MOST = 10
/** Maximum bytes of one message. */
const MAX_BYTES = 1000

/**
 * @throws {LiveSessionError} `invalid_value` or `too_large`
 * @throws {TypeError} for an unknown option
 */
export function acceptSaid(input: unknown, { for: pages = 'any' }: { readonly for?: unknown } = {}): Said {
  if (pages !== 'any' && pages !== 'next') {
    const received = typeof pages === 'string' ? `'${pages.slice(0, 20)}'` : typeof pages
    throw new TypeError(`koa-live-session: flash: for: expected 'any' or 'next', received ${received}`)
  }
  const content = given('flash', 'a message', input, MAX_BYTES)
  return { content, isForNext: pages === 'next' }
}

/** Returns the newest of these messages, each once, in order. */
export function gather(messages: readonly Message[], now: number): readonly Message[] {
  const all = new Map(messages.filter(({ at }) => isCurrent(at, now)).map((message) => [message.id, message]))
  return [...all.values()].sort((a, b) => a.at - b.at).slice(-MOST)
}

export type WireMessage = readonly [id: string, at: number, content: JsonValue, isForNext?: 1]

/** Returns a message as it is in the cookie. */
export function toWire({ id, at, content, next }: Message): WireMessage {
  return next === undefined ? [id, at, content] : [id, at, content, 1]
}

const parsed = new WeakMap<object, readonly Message[]>()

/** Returns the messages of a signed cookie, without invalid ones. Parsed once, however many requests bring a remembered cookie. */
export function parseMessages(input: unknown): readonly Message[] {
  if (!Array.isArray(input)) return []
  const known = parsed.get(input)
  if (known) return known
  const messages = input.flatMap(parseMessage)
  parsed.set(input, messages)
  return messages
}

function parseMessage(item: unknown): readonly Message[] {
  const [id, at, content, isForNext]: readonly unknown[] = Array.isArray(item) ? item : []
  if (typeof id !== 'string' || !isStamp(at)) return []
  try {
    return [{ id, at, content: freezeJson(content), next: isForNext === 1 ? 0 : undefined }]
  } catch {
    return []
  }
}

function isCurrent(at: number, now: number): boolean {
  return at > now - FLASH_LIFETIME && !isAhead(at, now)
}
