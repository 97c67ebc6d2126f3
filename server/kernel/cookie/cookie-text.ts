import { isRecord, parseRegisters } from '../../../shared/parse.js'
import { type StoredRegister, toWire } from '../../../shared/register.js'
import { isSub, type Sub } from '../../../shared/sub.js'
import { FIRST_GENERATION } from '../names/generation.js'
import { type BrowserId, type BrowserSubject, browserSubject, isBrowserId } from '../names/subject.js'
import type { Compared } from './comparison.js'
import type { MemberValues } from './cookie-members.js'

const VERSION = 1

/** What the live cookie says. */
export interface CookieContent {
  readonly browser: BrowserId
  /** Hash of the signed-in user's subject, whose values these are. */
  readonly user: Sub | undefined
  readonly epoch: number
  /** Of the user's values; none where they were never erased. */
  readonly generation?: number | undefined
  readonly registers: readonly StoredRegister[]
  /** What parts keep in it, as JSON. */
  readonly members?: MemberValues
}

interface Verified {
  readonly text: string
  /** ms since 1970, by our own clock */
  readonly expiresAt: number
}

/** A live cookie whose signature is good. */
export interface VerifiedCookie extends CookieContent, Verified, Compared {
  readonly isNewer: false
  readonly generation: number
  readonly browserSubject: BrowserSubject
  /** Signed by a key that signs no more, so it is to be written again. */
  readonly isRetired: boolean
}

/** One written by a newer build: read as empty, and left as it is for that build to find. */
interface NewerCookie extends Verified {
  readonly isNewer: true
}

export type GoodCookie = VerifiedCookie | NewerCookie

/** Good ones of several browsers at once, of which none is the user's own: all but one were planted, and nothing tells which. */
interface RivalCookies {
  readonly isNewer?: undefined
  readonly rivals: readonly VerifiedCookie[]
}

export type ReadCookie = GoodCookie | RivalCookies

/** A cookie, where this build can read what it says. */
export function readable(cookie: ReadCookie | undefined): VerifiedCookie | undefined {
  return cookie?.isNewer === false ? cookie : undefined
}

/** All that may turn out to be the visitor's. */
export function readables(cookie: ReadCookie | undefined): readonly VerifiedCookie[] {
  if (cookie && 'rivals' in cookie) return cookie.rivals
  const one = readable(cookie)
  return one ? [one] : []
}

/** What a cookie's value is made of. */
export function payloadOf(content: CookieContent, exp: number): object {
  const { browser, user, epoch, generation, registers, members } = content
  // JSON leaves out what is undefined.
  return { v: VERSION, browser, user, ...members, epoch, g: generation || undefined, exp, r: registers.map(toWire) }
}

export function encode(payload: object): string {
  return Buffer.from(JSON.stringify(payload)).toString('base64')
}

/** Undefined for what is no cookie of ours, whatever its signature. */
export function decode(text: string, isRetired: boolean, now: number): GoodCookie | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(text, 'base64').toString())
    if (!isRecord(payload)) return undefined
    const { v, browser, user, epoch, g = FIRST_GENERATION, exp, r, ...members } = payload
    if (Number(v) > VERSION) return { isNewer: true, text, expiresAt: Number.isFinite(exp) ? Number(exp) : Infinity }
    const registers = parseRegisters(r, now)
    if (v !== VERSION || !isBrowserId(browser) || !registers) return undefined
    if (![epoch, g, exp].every(Number.isSafeInteger)) return undefined
    return {
      isNewer: false,
      browser,
      user: isSub(user) ? user : undefined,
      epoch: Number(epoch),
      generation: Number(g),
      registers,
      ...(Object.keys(members).length === 0 ? {} : { members }),
      text,
      browserSubject: browserSubject(browser),
      expiresAt: Number(exp),
      isRetired,
      comparison: undefined,
    }
  } catch {
    return undefined
  }
}
