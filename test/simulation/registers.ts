import { subjectHash } from '../../server/subject.js'
import type { JsonValue } from '../../shared/json.js'
import type { TicketClaims } from '../../shared/protocol.js'

/** What a key was written with. Known to the checker from the outside alone: from cookies, tickets and answers. */
export interface Register {
  readonly stamp: number
  readonly value: JsonValue | undefined
}
export type Registers = ReadonlyMap<string, Register>

/** What a genuine live cookie says. */
export interface CookieState {
  /** Hash of the browser's own subject. */
  readonly browser: string
  readonly user: string | undefined
  readonly former: string | undefined
  readonly epoch: number
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

const hashes = new Map<string, string>()

/** Hash of a subject. */
export function hashOf(subject: string): string {
  const known = hashes.get(subject)
  if (known !== undefined) return known
  if (hashes.size > 10_000) hashes.clear()
  const hash = subjectHash(subject)
  hashes.set(subject, hash)
  return hash
}

export function hashOfBrowser(id: string): string {
  return hashOf(`browser:${id}`)
}

/** Reads a cookie that a server of ours wrote. */
export function readCookie(value: string): CookieState {
  const { browser, user, former, epoch, exp, r } = JSON.parse(Buffer.from(value, 'base64').toString())
  return { browser: hashOfBrowser(browser), user, former, epoch, exp, registers: readRegisters(r) }
}

export function readRegisters(list: readonly (readonly [string, number, JsonValue?])[]): Registers {
  return new Map(list.map(([key, stamp, value]) => [key, { stamp, value }]))
}

export function readClaims(ticket: string): TicketClaims {
  return JSON.parse(Buffer.from(ticket.split('.')[1] ?? '', 'base64url').toString())
}

/** The value of one cookie in a Cookie header. */
export function cookieIn(header: string, name: string): string | undefined {
  const pair = header.split('; ').find((each) => each.startsWith(`${name}=`))
  return pair?.slice(name.length + 1)
}
