// Parses and validates messages from pages.

import { LiveSessionError } from './errors.js'
import { isKey } from './fields.js'
import { isId, isPageId, withIds } from './idempotency-keys.js'
import { freezeJson, type JsonValue } from './json.js'
import { ANY_BASE, MAX_BODY, MAX_CHANGES, type PageMessage, type WireChange } from './protocol.js'
import type { LwwRegister } from './register.js'
import { credible, isKnown, isStamp } from './stamp.js'

/** A parsed message of a page. */
export interface ParsedMessage {
  readonly who: string | undefined
  readonly tickets: readonly string[]
  readonly set: readonly WireChange[]
  readonly extend: boolean | undefined
}

/** Returns whether a message has neither tickets nor changes. With such a message, a page asks for its visitor or renews its cookie. */
export function isQuestion({ tickets, set }: ParsedMessage): boolean {
  return tickets.length + set.length === 0
}

/**
 * Parses a page's message, sent over its socket or by POST.
 *
 * @throws {LiveSessionError} `malformed`
 */
export function parseMessage(input: unknown): ParsedMessage {
  if (!isRecord(input)) throw malformed('expected { who?, tickets?, set? }')
  const { who, tickets = [], set = [], extend, ...others }: Partial<Record<keyof PageMessage, unknown>> = input
  if (Object.keys(others).length > 0) throw malformed('expected nothing besides who, tickets, set and extend')
  if (who !== undefined && typeof who !== 'string') throw malformed('expected a text as who')
  if (extend !== undefined && typeof extend !== 'boolean') throw malformed('expected a boolean as extend')
  const message = { who, tickets: parseTickets(tickets), set: parseChanges(set), extend }
  if (extend !== undefined && !(who && isQuestion(message))) throw malformed('expected who alone with extend')
  return message
}

function parseChanges(input: unknown): readonly WireChange[] {
  if (!Array.isArray(input)) throw malformed('expected a list of [key, base, id, value?, group?]')
  if (input.length > MAX_CHANGES) throw malformed(`expected at most ${MAX_CHANGES} changes`)
  return input.map((item: unknown, index) => {
    const refuse = (reason: string): never => {
      throw malformed(`${reason} in change ${index}`, index)
    }
    if (!Array.isArray(item) || item.length < 3 || item.length > 5)
      return refuse('expected [key, base, id, value?, group?]')
    const [key, base, id, value, group] = item as unknown[]
    if (typeof key !== 'string') return refuse('expected a key')
    if (!isKnown(base) && base !== ANY_BASE) return refuse('expected a stamp or -1 as base')
    if (id !== '' && !isPageId(id)) return refuse('expected an id')
    if (id !== '' && base === ANY_BASE) return refuse('expected the stamp on which an update is based')
    if (item.length < 5) return item.length === 3 ? [key, base, id] : [key, base, id, value as JsonValue]
    if (id !== '' || !isId(group)) return refuse('expected a group without updates')
    return [key, base, id, value as JsonValue, group]
  })
}

/**
 * Parses a list of tickets from a browser, without verifying their signatures.
 *
 * @throws {LiveSessionError} `malformed`
 */
export function parseTickets(input: unknown): readonly string[] {
  if (!Array.isArray(input)) throw malformed('expected a list of tickets')
  let length = 0
  for (const [index, ticket] of (input as unknown[]).entries()) {
    if (typeof ticket !== 'string') throw malformed(`expected a ticket as item ${index}`, index)
    length += ticket.length
    if (length > MAX_BODY) throw malformed(`expected at most ${MAX_BODY} characters of tickets`)
  }
  return input
}

/**
 * Parses the registers of a cookie or ticket after its signature was verified; returns undefined if any is malformed.
 *
 * @param now the current time, to lower stamps ahead of all clocks: see `credible`
 * @param ids the accepted ids by key; malformed ids are dropped
 * @throws {NotJson} for an invalid value, such as a lone surrogate
 */
export function parseRegisters(input: unknown, now: number, ids?: unknown): readonly LwwRegister[] | undefined {
  if (!Array.isArray(input)) return undefined
  const registers: LwwRegister[] = []
  for (const item of input as unknown[]) {
    if (!Array.isArray(item)) return undefined
    const [key, stamp, value] = item as unknown[]
    if (!isKey(key) || !isStamp(stamp)) return undefined
    registers.push({ key, stamp: credible(stamp, now), value: value === undefined ? undefined : freezeJson(value) })
  }
  return withIds(registers, ids)
}

function malformed(reason: string, index?: number): LiveSessionError {
  return new LiveSessionError('malformed', reason, { index })
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
