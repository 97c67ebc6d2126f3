// Computes the sizes of the live cookie and of response heads.

import type { ServerResponse } from 'node:http'
import { cookieBytes } from '../../shared/budget.js'
import type { LwwRegister } from '../../shared/register.js'
import type { CookieOptions } from '../settings/settings.js'
import { newBrowserId, subjectHash, userSubject } from '../subjects/subject.js'
import { attributesOf } from './attributes.js'
import { encode, payloadOf } from './content.js'

/** The size in bytes that every browser accepts: name, value and attributes (RFC 6265, 6.1). */
const MAX_COOKIE = 4096
/** Bytes that features may use beyond the cookie's budget. With the default budget, a whole response head still stays under 4 kB. */
const BESIDE_BUDGET = 300
/** Bytes of the status line, `Date`, `Connection`, `Keep-Alive` and `Transfer-Encoding`, which Node adds later. */
const OF_NODE = 140

/** Returns the bytes left for registers in a cookie with these options and the longest possible identity. */
export function spaceForRegisters(options: CookieOptions): number {
  const sub = subjectHash(userSubject(1))
  const most = Number.MAX_SAFE_INTEGER
  const content = { browser: newBrowserId(), user: sub, epoch: most, generation: most, registers: [] }
  const rest = payloadOf(content, most)
  return MAX_COOKIE - `${options.name}=${encode(rest)}${attributesOf(options)}`.length
}

/** Returns the bytes left for features: the budget and `BESIDE_BUDGET`, or `space` if less, minus these registers. */
export function spaceBeside(registers: readonly LwwRegister[], space: number, budget: number): number {
  return Math.min(space, budget + BESIDE_BUDGET) - total(registers, exactly)
}

/** Returns the approximate bytes of a response's head. */
export function headBytes(res: ServerResponse): number {
  const lines = Object.entries(res.getHeaders()).flatMap(([name, value = '']) =>
    [value].flat().map((one) => `${name}: ${one}\r\n`),
  )
  return OF_NODE + lines.join('').length
}

export function total(registers: readonly LwwRegister[], bytes: (register: LwwRegister) => number): number {
  let sum = 0
  for (const register of registers) sum += bytes(register)
  return sum
}

/** Returns the bytes of a register in the cookie. */
export function exactly({ key, value }: LwwRegister): number {
  return cookieBytes(key, value)
}
