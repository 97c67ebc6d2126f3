import type { ServerResponse } from 'node:http'
import { cookieBytes, mostBytes } from '../../../shared/budget.js'
import type { StoredRegister } from '../../../shared/register.js'
import { newBrowserId, subjectHash, userSubject } from '../names/subject.js'
import { encode, payloadOf } from './cookie-text.js'
import { attributesOf, type CookieOptions } from './cookie-writer.js'

/** The size in bytes up to which every browser keeps a cookie: its name, value and attributes (RFC 6265, 6.1). */
const MAX_COOKIE = 4096
/** Bytes beyond the budget for what parts keep in the cookie. With the default budget a whole head then has less than 4 kB. */
const BESIDE_BUDGET = 300
/** Bytes of the status line, and of `Date`, `Connection`, `Keep-Alive` and `Transfer-Encoding`, which Node adds itself. */
const OF_NODE = 140

/** Returns the bytes that registers may take in a cookie with that name and these attributes, whatever else it says. */
export function roomForRegisters(options: CookieOptions): number {
  const sub = subjectHash(userSubject(1))
  const most = Number.MAX_SAFE_INTEGER
  const content = { browser: newBrowserId(), user: sub, epoch: most, generation: most, registers: [] }
  const rest = payloadOf(content, most)
  return MAX_COOKIE - `${options.name}=${encode(rest)}${attributesOf(options)}`.length
}

/**
 * Returns what a cookie can carry. Its budget is checked at startup, so this build's own registers fit; but another build, with other
 * fields or other shares, may have left registers that do not: the newest of them are kept.
 */
export function fitting(
  own: readonly StoredRegister[],
  others: readonly StoredRegister[],
  room: number,
): readonly StoredRegister[] {
  const all = [...own, ...others]
  if (total(all, atMost) <= room) return all
  const newest = (registers: readonly StoredRegister[]): StoredRegister[] => {
    return [...registers].sort((a, b) => b.stamp - a.stamp)
  }
  let left = room
  return [...newest(own), ...newest(others)].filter((register) => {
    const bytes = exactly(register)
    if (bytes > left) return false
    left -= bytes
    return true
  })
}

/** Returns the bytes that registers leave to other content, of the budget and a little beyond it. */
export function roomBeside(registers: readonly StoredRegister[], room: number, budget: number): number {
  return Math.min(room, budget + BESIDE_BUDGET) - total(registers, exactly)
}

/** Returns about how many bytes the head of a response has, once it is written. */
export function headBytes(res: ServerResponse): number {
  const lines = Object.entries(res.getHeaders()).flatMap(([name, value = '']) =>
    [value].flat().map((one) => `${name}: ${one}\r\n`),
  )
  return OF_NODE + lines.join('').length
}

function total(registers: readonly StoredRegister[], bytes: (register: StoredRegister) => number): number {
  let sum = 0
  for (const register of registers) sum += bytes(register)
  return sum
}

/** Returns an upper bound of its bytes, which is quick to find for most registers. */
function atMost(register: StoredRegister): number {
  const { key, value = null } = register
  return typeof value === 'object' && value !== null ? exactly(register) : mostBytes(key, value)
}

function exactly({ key, value }: StoredRegister): number {
  return cookieBytes(key, value)
}
