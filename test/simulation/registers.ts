import { createHash } from 'node:crypto'
import type { JsonValue } from '../../shared/json.js'
import type { TicketClaims } from '../../shared/protocol.js'
import { OWN } from './builds.js'

/** A register, read only from cookies, tickets and answers. */
export interface Register {
  readonly stamp: number
  readonly value: JsonValue | undefined
  /** The generation of a user's values; by default the current generation. */
  readonly generation?: number
}
export type Row = readonly [key: string, stamp: number, value?: JsonValue | undefined]
export type Registers = ReadonlyMap<string, Register>

export interface CookieState {
  readonly browser: string
  readonly user: string | undefined
  readonly epoch: number
  readonly generation: number
  readonly exp: number
  readonly registers: Registers
}

/** Whether a register wins a merge: a separate implementation, without the product's mistakes. */
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

export const hashOf: (subject: string) => string = remembering((subject) => {
  return createHash('sha256').update(subject).digest('base64url')
})

export const readCookie: (value: string) => CookieState = remembering((value) => {
  const { browser, user, epoch, g: generation = 0, exp, r } = JSON.parse(Buffer.from(value, 'base64').toString())
  const registers = new Map(readRegisters(r, user === undefined ? undefined : generation))
  // The browser's own field has no generation.
  const own = registers.get(OWN)
  if (own) registers.set(OWN, { stamp: own.stamp, value: own.value })
  return { browser: hashOf(`browser:${browser}`), user, epoch, generation, exp, registers }
})

export function readRegisters(list: readonly Row[], generation?: number): Registers {
  const more = generation === undefined ? {} : { generation }
  return new Map(list.map(([key, stamp, value]) => [key, { stamp, value, ...more }]))
}

export function changesOf({ changes, generation = 0 }: TicketClaims): Registers {
  return readRegisters(changes, generation)
}

export const readClaims: (ticket: string) => TicketClaims = remembering((ticket) => {
  return JSON.parse(Buffer.from(ticket.split('.')[1] ?? '', 'base64url').toString())
})

export function cookieIn(header: string, name: string): string | undefined {
  const pair = `${name}=`
  const at = header.startsWith(pair) ? 0 : header.indexOf(`; ${pair}`)
  if (at < 0) return undefined
  const start = at + pair.length + (at === 0 ? 0 : 2)
  const end = header.indexOf(';', start)
  return end < 0 ? header.slice(start) : header.slice(start, end)
}

export const EPOCH = '$epoch'
export const GENERATION = '$generation'
const SIGN_OUT = 'signout:'
const BROWSER = 'browser:'

/** The end of a user's epoch or generation, of a browser id, or of a connection's sign-in. */
export interface End {
  readonly epoch: number
  /** Values of earlier generations are erased. */
  readonly generation: number
  /** The hash of the user who signed in when a browser id was retired. */
  readonly rotatedTo: string | undefined
}

/** A message between nodes, or the stored registers of a subject. */
export interface Received {
  /** `signout` only ends the user's connections without a cookie. */
  readonly kind: 'user' | 'browser' | 'signout'
  readonly sub: string
  readonly registers: Registers
  readonly end: End | undefined
}

/** Reads a message of the bus, which names browsers by id. */
export function receivedFromNode(name: string, rows: readonly Row[]): Received {
  if (name.startsWith(SIGN_OUT)) return readReceived('signout', name.slice(SIGN_OUT.length), rows)
  return name.startsWith(BROWSER) ? readReceived('browser', hashOf(name), rows) : ofUser(name, rows)
}

export function receivedFromStore(name: string, rows: readonly Row[]): Received {
  return name.startsWith(BROWSER) ? readReceived('browser', name.slice(BROWSER.length), rows) : ofUser(name, rows)
}

/** A user's name in the store changes with each erasure. */
function ofUser(name: string, rows: readonly Row[]): Received {
  const { generation, base } = readName(name)
  return readReceived('user', hashOf(base), rows, generation)
}

export function readName(name: string): { base: string; generation: number } {
  const [prefix = '', generation = 0] = /^user@(\d+):/.exec(name) ?? []
  return { base: prefix === '' ? name : `user:${name.slice(prefix.length)}`, generation: Number(generation) }
}

function readReceived(kind: Received['kind'], sub: string, rows: readonly Row[], of?: number): Received {
  const registers = new Map(readRegisters(rows, of))
  const [epoch, generation] = [registers.get(EPOCH), registers.get(GENERATION)]
  registers.delete(EPOCH)
  registers.delete(GENERATION)
  if (!epoch && !generation) return { kind, sub, registers, end: undefined }
  const rotatedTo = typeof epoch?.value === 'string' ? epoch.value : undefined
  return { kind, sub, registers, end: { epoch: epoch?.stamp ?? 0, generation: generation?.stamp ?? 0, rotatedTo } }
}
