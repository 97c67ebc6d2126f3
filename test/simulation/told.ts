import { hashOf, type Registers, type Row, readRegisters } from './registers.js'

/** The registers that say what has ended. */
export const EPOCH = '$epoch'
export const GENERATION = '$generation'
const COOKIELESS = 'cookieless:'
const BROWSER = 'browser:'

/** A user was revoked or erased; a browser id was given up; a user has signed out somewhere. */
export interface End {
  /** ms since 1970; 0 where nothing says so */
  readonly epoch: number
  /** Of the user's values, what is of an earlier one is gone. */
  readonly generation: number
  /** Hash of the user who has signed in where a browser id was given up. */
  readonly heir: string | undefined
}

/** What a node tells the others of a name, or a store has of it. */
export interface Told {
  /** Of what is `cookieless` only that the connections of that user end. */
  readonly kind: 'user' | 'browser' | 'cookieless'
  /** Hash of the subject. */
  readonly sub: string
  readonly registers: Registers
  readonly end: End | undefined
}

/** What comes over the bus: there a browser goes by its id. */
export function toldByNode(name: string, rows: readonly Row[]): Told {
  if (name.startsWith(COOKIELESS)) return told('cookieless', name.slice(COOKIELESS.length), rows)
  return name.startsWith(BROWSER) ? told('browser', hashOf(name), rows) : ofUser(name, rows)
}

/** What a store has: there a browser goes by its public name. */
export function toldByStore(name: string, rows: readonly Row[]): Told {
  return name.startsWith(BROWSER) ? told('browser', name.slice(BROWSER.length), rows) : ofUser(name, rows)
}

/** After an erasure a user's values are by another name. */
function ofUser(name: string, rows: readonly Row[]): Told {
  const { generation, base } = readName(name)
  return told('user', hashOf(base), rows, generation)
}

/** Whose values a name is of, and which. */
export function readName(name: string): { base: string; generation: number } {
  const [prefix = '', generation = 0] = /^user@(\d+):/.exec(name) ?? []
  return { base: prefix === '' ? name : `user:${name.slice(prefix.length)}`, generation: Number(generation) }
}

function told(kind: Told['kind'], sub: string, rows: readonly Row[], of?: number): Told {
  const registers = new Map(readRegisters(rows, of))
  const [epoch, generation] = [registers.get(EPOCH), registers.get(GENERATION)]
  registers.delete(EPOCH)
  registers.delete(GENERATION)
  if (!epoch && !generation) return { kind, sub, registers, end: undefined }
  const heir = typeof epoch?.value === 'string' ? hashOf(epoch.value) : undefined
  return { kind, sub, registers, end: { epoch: epoch?.stamp ?? 0, generation: generation?.stamp ?? 0, heir } }
}
