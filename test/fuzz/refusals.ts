import type { LiveSessionErrorCode } from '../../shared/codes.js'
import { isRecord } from '../../shared/parse.js'

/** The protocol's statuses of each code, without a store. A missing code does not compile. */
const STATUSES: Readonly<Record<LiveSessionErrorCode, readonly number[]>> = {
  malformed: [400, 405, 415],
  invalid_value: [400],
  undeclared_key: [400],
  too_large: [400, 413],
  bad_origin: [403],
  bad_ticket: [403],
  other_visitor: [403],
  not_writable: [403],
  users_only: [403],
  superseded: [409],
  conflict: [409],
  not_loaded: [409],
  rate_limited: [202, 429],
  store_unavailable: [],
  cookies_blocked: [403],
  closed: [],
}
const CODES = new Map<unknown, readonly number[]>(Object.entries(STATUSES))

/** Whether a server may send the code. */
export function isCode(code: unknown): boolean {
  return (CODES.get(code)?.length ?? 0) > 0
}

/** Whether the code has this status. */
export function isRefusal(code: unknown, status: number): boolean {
  return CODES.get(code)?.includes(status) ?? false
}

const VALUES = new Map<unknown, (value: unknown) => boolean>([
  ['division', Number.isSafeInteger],
  ['theme', (value) => value === 'light' || value === 'dark'],
  ['cart', (value) => Array.isArray(value) && value.every((item) => typeof item === 'string' && isWellFormed(item))],
])

/** Whether the protocol allows the changes, by an independent parser. */
export function areChanges(changes: unknown): changes is readonly unknown[][] {
  return Array.isArray(changes) && changes.every(isChange)
}

function isChange(change: unknown): change is unknown[] {
  if (!Array.isArray(change) || change.length < 3 || change.length > 5) return false
  const [key, over, id, , group] = change as unknown[]
  const isPlain = change.length < 5 || (id === '' && typeof group === 'string' && /^[\w-]{1,32}$/.test(group))
  if (typeof key !== 'string' || typeof id !== 'string' || !/^[\w-]{0,32}$/.test(id)) return false
  // The end of an expired value, as a base, is half a millisecond after the value's stamp.
  const isEnd = Number.isSafeInteger(Number(over) - 0.5) && Number(over) > 1
  return isPlain && (Number.isSafeInteger(over) || isEnd) && Number(over) >= (id === '' ? -1 : 0)
}

/** Whether the fields allow a change and its group. */
export function isAllowed(change: readonly unknown[], set: readonly (readonly unknown[])[]): boolean {
  const [key, , , ...[value, group]] = change
  if (group !== undefined) return set.every((one) => one[4] !== group || isAllowed(one.slice(0, 4), set))
  const isValid = VALUES.get(key)
  return isValid !== undefined && (change.length === 3 || isValid(value))
}

function isWellFormed(text: string): boolean {
  return Buffer.from(text).toString() === text
}

/** Returns an object from JSON text. */
export function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
