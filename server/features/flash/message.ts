// Validates, encodes and parses flash messages, and decides which are expired or too many.

import { freezeJson, type JsonValue } from '../../../shared/json.js'
import { isAhead, isStamp } from '../../../shared/stamp.js'
import { check } from '../../settings/option-checks.js'
import { LONGEST_VALIDITY } from '../../store/single-use.js'
import { frozenInput } from '../frozen-input.js'

/** A flash message: shown to its browser once. */
export interface Message {
  readonly id: string
  /** ms since 1970 */
  readonly at: number
  readonly content: JsonValue
  /**
   * Undefined if any page may show the message. For a message restricted to the next page load: `Flashes.count` after adding the message; 0
   * if read from a cookie.
   */
  readonly next?: number | undefined
}

/** The name of the cookie member with the messages. */
export const NAME = 'flash'

/** The options of `flash`. */
export interface FlashOptions {
  readonly for?: 'any' | 'next'
}

/** A validated message from the app, and its audience. */
export interface FlashInput {
  readonly content: JsonValue
  /** Whether only pages loaded afterwards may show the message. */
  readonly isForNext: boolean
}

/** ms after which a message is no longer shown. */
export const FLASH_LIFETIME: number = LONGEST_VALIDITY
/** Maximum messages of a browser. If more wait, the oldest are dropped. */
const MOST = 10
/** Maximum bytes of a message. */
const MAX_BYTES = 1000

/**
 * @throws {LiveSessionError} `invalid_value` or `too_large`
 * @throws {TypeError} for an unknown option
 */
export function parseFlash(input: unknown, { for: pages = 'any' }: { readonly for?: unknown } = {}): FlashInput {
  const received = typeof pages === 'string' ? `'${pages.slice(0, 20)}'` : typeof pages
  check(pages === 'any' || pages === 'next', 'flash: for', "expected 'any' or 'next'", received)
  const content = frozenInput('flash', 'a message', input, MAX_BYTES)
  return { content, isForNext: pages === 'next' }
}

/** Returns the newest unexpired messages, without duplicates, oldest first. */
export function gather(messages: readonly Message[], now: number): readonly Message[] {
  const all = new Map(messages.filter(({ at }) => isCurrent(at, now)).map((message) => [message.id, message]))
  return [...all.values()].sort((a, b) => a.at - b.at).slice(-MOST)
}

export type WireMessage = readonly [id: string, at: number, content: JsonValue, isForNext?: 1]

export function toWire({ id, at, content, next }: Message): WireMessage {
  return next === undefined ? [id, at, content] : [id, at, content, 1]
}

const parsed = new WeakMap<object, readonly Message[]>()

/** Returns the valid messages in the cookie member. Memoized by the member's array, because a cached cookie keeps the same array. */
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
