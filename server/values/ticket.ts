// Signs and verifies tickets.

import { LiveSessionError } from '../../shared/errors.js'
import { isRecord, parseRegisters } from '../../shared/parse.js'
import { MAX_TICKET, STORE_SESSION, type TicketClaims } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import type { SigningKeys } from '../subjects/signing-keys.js'
import { FIRST_GENERATION } from '../subjects/store-key.js'
import { isSub, type Sub } from '../subjects/subject.js'

const ALGORITHM = 'HS256'
const TYPE = 'live-session+jwt'

/** The claims of a ticket without its audience and dates. */
export type TicketContent = Omit<TicketClaims, 'aud' | 'iat' | 'exp'>

/** A ticket with a valid signature and date. */
export interface Ticket {
  readonly sub: Sub
  readonly epoch: number
  readonly generation: number
  readonly registers: readonly LwwRegister[]
}

/** Signs and verifies tickets: JWS in compact form (RFC 7515), HS256. */
export class Tickets {
  readonly #keys: SigningKeys
  readonly #maxAge: number
  readonly #header: string

  constructor(keys: SigningKeys, maxAge: number) {
    this.#keys = keys
    this.#maxAge = maxAge
    this.#header = encode({ alg: ALGORITHM, typ: TYPE, kid: keys.id })
  }

  sign(content: TicketContent, now: number): string {
    const iat = Math.floor(now / 1000)
    const exp = iat + Math.floor(this.#maxAge / 1000)
    const text = `${this.#header}.${encode({ aud: STORE_SESSION, iat, exp, ...content } satisfies TicketClaims)}`
    return `${text}.${this.#keys.sign(text)}`
  }

  /** @throws {LiveSessionError} `bad_ticket`, without the reason */
  verify(ticket: string, now: number, index: number): Ticket {
    const read = ticket.length <= MAX_TICKET ? this.#read(ticket, now) : undefined
    if (!read)
      throw new LiveSessionError('bad_ticket', `ticket ${index} has an unknown signature, or is too old`, { index })
    return read
  }

  #read(ticket: string, now: number): Ticket | undefined {
    const [header, payload, signature, ...rest] = ticket.split('.')
    if (!header || !payload || !signature || rest.length > 0) return undefined
    // The server chooses the algorithm, never the token (RFC 8725, 3.1): a header with another algorithm is rejected.
    const { alg, typ, kid, crit } = decode(header)
    if (alg !== ALGORITHM || typ !== TYPE || typeof kid !== 'string' || crit !== undefined) return undefined
    if (!this.#keys.verify(kid, `${header}.${payload}`, signature)) return undefined
    const claims: Partial<Record<keyof TicketClaims, unknown>> = decode(payload)
    const { aud, sub, epoch, generation = FIRST_GENERATION, iat, exp, changes, ids } = claims
    if (aud !== STORE_SESSION || !isSub(sub)) return undefined
    if (![epoch, generation, iat, exp].every(Number.isSafeInteger)) return undefined
    if (Number(exp) * 1000 <= now) return undefined
    const registers = parse(changes, now, ids)
    return (
      registers && {
        sub,
        epoch: Number(epoch),
        generation: Number(generation),
        registers,
      }
    )
  }
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

function decode(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return isRecord(value) ? value : {}
  } catch {
    return {}
  }
}

function parse(changes: unknown, now: number, ids: unknown): readonly LwwRegister[] | undefined {
  try {
    return parseRegisters(changes, now, ids)
  } catch {
    return undefined
  }
}
