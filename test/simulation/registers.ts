import { createHash } from 'node:crypto'
import type { JsonValue } from '../../shared/json.js'
import type { TicketClaims } from '../../shared/protocol.js'
import { OWN } from './builds.js'

/** What a key was written with. Known to the checker from the outside alone: from cookies, tickets and answers. */
export interface Register {
  readonly stamp: number
  readonly value: JsonValue | undefined
  /** Of a user's values: each erasure begins one. Left out, that which counts where it is. */
  readonly generation?: number
}
/** The same with its key, as it is sent. */
export type Row = readonly [key: string, stamp: number, value?: JsonValue | undefined]
export type Registers = ReadonlyMap<string, Register>

/** What a genuine live cookie says. */
export interface CookieState {
  /** Hash of the browser's own subject: its public name. */
  readonly browser: string
  readonly user: string | undefined
  readonly epoch: number
  readonly generation: number
  readonly exp: number
  readonly registers: Registers
}

/** The checker's own reading of the merge rule: it shall not share a mistake with what it checks. */
export function isNewer(next: Register, known: Register | undefined): boolean {
  if (!known || next.stamp !== known.stamp) return next.stamp > (known?.stamp ?? 0)
  return text(next.value) > text(known.value)
}

export function isSame(a: Register | undefined, b: Register | undefined): boolean {
  return a?.stamp === b?.stamp && text(a?.value) === text(b?.value)
}

function text(value: JsonValue | undefined): string {
  return value === undefined ? '' : JSON.stringify(value)
}

const MAX_KNOWN = 1000

/** What follows from a text is found out once. */
function remembering<T>(find: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    if (known.size >= MAX_KNOWN) known.clear()
    const result = find(text)
    known.set(text, result)
    return result
  }
}

/** Hash of a subject. */
export const hashOf: (subject: string) => string = remembering((subject) => {
  return createHash('sha256').update(subject).digest('base64url')
})

/** Reads a cookie that a server of ours wrote. */
export const readCookie: (value: string) => CookieState = remembering((value) => {
  const { browser, user, epoch, g: generation = 0, exp, r } = JSON.parse(Buffer.from(value, 'base64').toString())
  const registers = new Map(readRegisters(r, user === undefined ? undefined : generation))
  // The browser's own is no user's.
  const own = registers.get(OWN)
  if (own) registers.set(OWN, { stamp: own.stamp, value: own.value })
  return { browser: hashOf(`browser:${browser}`), user, epoch, generation, exp, registers }
})

export function readRegisters(list: readonly Row[], generation?: number): Registers {
  const more = generation === undefined ? {} : { generation }
  return new Map(list.map(([key, stamp, value]) => [key, { stamp, value, ...more }]))
}

/** What a ticket says has changed. */
export function changesOf({ changes, generation = 0 }: TicketClaims): Registers {
  return readRegisters(changes, generation)
}

/** Reads a ticket that a server of ours signed. */
export const readClaims: (ticket: string) => TicketClaims = remembering((ticket) => {
  return JSON.parse(Buffer.from(ticket.split('.')[1] ?? '', 'base64url').toString())
})

/** The value of one cookie in a Cookie header. */
export function cookieIn(header: string, name: string): string | undefined {
  const pair = `${name}=`
  const at = header.startsWith(pair) ? 0 : header.indexOf(`; ${pair}`)
  if (at < 0) return undefined
  const start = at + pair.length + (at === 0 ? 0 : 2)
  const end = header.indexOf(';', start)
  return end < 0 ? header.slice(start) : header.slice(start, end)
}
