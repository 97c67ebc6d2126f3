import { LiveSessionError } from './errors.js'
import { isKey } from './fields.js'
import { freezeJson, type JsonValue } from './json.js'
import { FIRST_SENDING, MAX_BODY, MAX_CHANGES, type WireChange } from './protocol.js'
import type { StoredRegister } from './register.js'
import { credible, isStamp } from './stamp.js'

/** Reads the changes of a `set`, from a socket or a POST. */
export function parseChanges(input: unknown): readonly WireChange[] {
  if (!Array.isArray(input) || input.length === 0) throw malformed('expected a list of [key, seen, value?]')
  if (input.length > MAX_CHANGES) throw malformed(`expected at most ${MAX_CHANGES} changes`)
  const keys = new Set<string>()
  return input.map((item: unknown, index) => {
    const refuse = (reason: string): never => {
      throw malformed(`${reason} in change ${index}`, index)
    }
    if (!Array.isArray(item) || item.length < 2 || item.length > 4) return refuse('expected [key, seen, value?, id?]')
    const [key, seen, value, id] = item as unknown[]
    if (typeof key !== 'string') return refuse('expected a key')
    if (keys.has(key)) return refuse('a key twice')
    keys.add(key)
    if (!Number.isSafeInteger(seen) || Number(seen) < FIRST_SENDING) return refuse('expected a stamp or -1 as seen')
    if (item.length === 2) return [key, Number(seen)]
    if (item.length === 3) return [key, Number(seen), value as JsonValue]
    // Only of one that comes alone is it certain that where it is refused nothing of it was taken.
    if (input.length > 1) return refuse('expected no other change beside one with an id')
    if (Number(seen) === FIRST_SENDING) return refuse('expected the stamp that a value was computed over')
    if (!Number.isSafeInteger(id) || id === 0) return refuse('expected an id that is an integer, not 0')
    return [key, Number(seen), value as JsonValue, Number(id)]
  })
}

/** Reads the tickets that a browser sends; what they say is for their signature to prove. */
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

/** Reads registers that came signed, at `now`; undefined where they are not registers. */
export function parseRegisters(input: unknown, now: number): readonly StoredRegister[] | undefined {
  if (!Array.isArray(input)) return undefined
  const registers: StoredRegister[] = []
  for (const item of input as unknown[]) {
    if (!Array.isArray(item)) return undefined
    const [key, stamp, value] = item as unknown[]
    if (!isKey(key) || !isStamp(stamp)) return undefined
    registers.push({ key, stamp: credible(stamp, now), value: value === undefined ? undefined : freezeJson(value) })
  }
  return registers
}

function malformed(reason: string, index?: number): LiveSessionError {
  return new LiveSessionError('malformed', reason, { index })
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
