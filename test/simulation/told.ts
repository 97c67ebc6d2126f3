import { hashOf, type Registers, type Row, readRegisters } from './registers.js'

/** The register that says what has ended. */
export const EPOCH = '$epoch'
const COOKIELESS = 'cookieless:'
const BROWSER = 'browser:'

/** A user was revoked or erased; a browser id was given up; a user has signed out somewhere. */
export interface End {
  /** ms since 1970 */
  readonly epoch: number
  /** What a user had written until this stamp is gone. */
  readonly erased: number
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
  return told(name.startsWith(BROWSER) ? 'browser' : 'user', hashOf(name), rows)
}

/** What a store has: there a browser goes by its public name. */
export function toldByStore(name: string, rows: readonly Row[]): Told {
  return name.startsWith(BROWSER) ? told('browser', name.slice(BROWSER.length), rows) : told('user', hashOf(name), rows)
}

function told(kind: Told['kind'], sub: string, rows: readonly Row[]): Told {
  const registers = new Map(readRegisters(rows))
  const { stamp, value } = registers.get(EPOCH) ?? {}
  registers.delete(EPOCH)
  if (stamp === undefined) return { kind, sub, registers, end: undefined }
  const heir = typeof value === 'string' ? hashOf(value) : undefined
  return { kind, sub, registers, end: { epoch: stamp, erased: typeof value === 'number' ? value : 0, heir } }
}
