import { CODES as TABLE } from '../../shared/code-table.js'
import { type LiveSessionErrorCode, STATUSES } from '../../shared/codes.js'
import { isRecord } from '../../shared/parse.js'

/** Without a store, and before `live.close()`, no server sends these. */
const NEVER: readonly string[] = ['store_unavailable', 'closed']
const CODES = new Map<unknown, readonly number[]>(
  Object.entries(TABLE)
    .filter(([code]) => !NEVER.includes(code))
    .map(([code, { otherStatuses = {} }]) => [
      code,
      [STATUSES[code as LiveSessionErrorCode], ...Object.keys(otherStatuses).map(Number)],
    ]),
)

/** Whether a server may send the code. */
export function isCode(code: unknown): boolean {
  return CODES.has(code)
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
