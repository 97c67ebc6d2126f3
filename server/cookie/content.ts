// Encodes and decodes the value of the live cookie.

import type { FieldMap } from '../../shared/compiled-fields.js'
import { isRecord, parseRegisters } from '../../shared/parse.js'
import type { PageAnswer } from '../../shared/protocol.js'
import { type IdsByKey, type LwwRegister, toWire } from '../../shared/register.js'
import type { Stamp } from '../../shared/stamp.js'
import { FIRST_GENERATION } from '../subjects/store-key.js'
import {
  type BrowserId,
  type BrowserSubject,
  browserSubject,
  isBrowserId,
  isSub,
  type Sub,
} from '../subjects/subject.js'
import type { MemberValues } from './members.js'
import type { CookieMemo, MemoizedCookie } from './memo.js'

const VERSION = 1

/** The content of the live cookie. */
export interface CookieContent {
  readonly browser: BrowserId
  /** The hash of the signed-in user, the owner of the values. */
  readonly user: Sub | undefined
  readonly epoch: number
  /** The generation of the user's values; omitted if the user was never erased. */
  readonly generation?: number | undefined
  readonly registers: readonly LwwRegister[]
  /** The idempotency keys of recent updates, to recognize retries after a restart. */
  readonly ids?: IdsByKey | undefined
  /** The contents of features, as JSON. */
  readonly members?: MemberValues | undefined
}

interface Verified {
  readonly text: string
  /** ms since 1970, by the server's clock */
  readonly expiresAt: number
}

/** The content of a cookie besides its registers. */
type Rest = Omit<CookieContent, 'registers' | 'ids'> & Verified & Pick<VerifiedCookie, 'generation' | 'hasOldKey'>

/** A live cookie with a valid signature. Has few properties, because many such cookies are cached. */
export class VerifiedCookie implements CookieContent, Verified, MemoizedCookie {
  readonly isNewer = false
  readonly text: string
  readonly expiresAt: number
  /** Whether an old key signed the cookie. If so, a request rewrites the cookie with the current key. */
  readonly hasOldKey: boolean
  readonly browser: BrowserId
  readonly user: Sub | undefined
  readonly epoch: number
  readonly generation: number
  readonly members: MemberValues | undefined
  memo: CookieMemo | undefined
  readonly #readAt: number
  /**
   * The registers of the cookie that was parsed last, for repeated reads. All other cookies keep only their text, which takes less memory.
   */
  static #parsed: { readonly cookie: VerifiedCookie; readonly registers: readonly LwwRegister[] } | undefined

  constructor(rest: Rest, registers: readonly LwwRegister[], now: number) {
    this.text = rest.text
    this.expiresAt = rest.expiresAt
    this.hasOldKey = rest.hasOldKey
    this.browser = rest.browser
    this.user = rest.user
    this.epoch = rest.epoch
    this.generation = rest.generation
    this.members = rest.members
    this.memo = undefined
    this.#readAt = now
    VerifiedCookie.#parsed = { cookie: this, registers }
  }

  get browserSubject(): BrowserSubject {
    return browserSubject(this.browser)
  }

  get registers(): readonly LwwRegister[] {
    const known = VerifiedCookie.#parsed
    if (known?.cookie === this) return known.registers
    const { r, ids } = Object(parse(this.text))
    const registers = parseRegisters(r, this.#readAt, ids) ?? []
    VerifiedCookie.#parsed = { cookie: this, registers }
    return registers
  }
}

/** A cookie of a newer build: read as empty, and kept unchanged. */
interface NewerCookie extends Verified {
  readonly isNewer: true
}

export type GoodCookie = VerifiedCookie | NewerCookie

/** Valid cookies of several browser ids, none of the current user. An attacker planted some of them, and nothing shows which. */
interface AmbiguousCookies {
  readonly isNewer?: undefined
  readonly ambiguous: readonly VerifiedCookie[]
}

export type ReadCookie = GoodCookie | AmbiguousCookies

/** Returns the stamps in a cookie, by key. */
export function stampsByKey(cookie: Pick<CookieContent, 'registers'> | undefined): ReadonlyMap<string, Stamp> {
  return new Map(cookie?.registers.map(({ key, stamp }) => [key, stamp]))
}

/** Returns the keys and stamps in a cookie, without hidden fields. The stamps prove to the page that the browser stores our cookies. */
export function readableStamps(
  cookie: Pick<CookieContent, 'registers'> | undefined,
  fields: FieldMap,
): PageAnswer['persisted'] {
  const registers = cookie?.registers ?? []
  // Not `flatMap`: `map` allocates the exact length, and each open connection keeps this array.
  return registers
    .filter(({ key }) => (fields.get(key)?.access ?? 'hidden') !== 'hidden')
    .map(({ key, stamp }) => [key, stamp])
}

/** Returns the cookie that this build can read; undefined for a newer build's cookie, and for ambiguous cookies. */
export function readable(cookie: ReadCookie | undefined): VerifiedCookie | undefined {
  return cookie?.isNewer === false ? cookie : undefined
}

/** Returns all cookies that may belong to the visitor: the cookie that this build can read, or all ambiguous cookies. */
export function readables(cookie: ReadCookie | undefined): readonly VerifiedCookie[] {
  if (cookie && 'ambiguous' in cookie) return cookie.ambiguous
  const one = readable(cookie)
  return one ? [one] : []
}

/** Returns the object that a cookie's value encodes. @param exp ms since 1970 */
export function payloadOf(content: CookieContent, exp: number): object {
  const { browser, user, epoch, generation, registers, ids, members } = content
  // JSON omits undefined members.
  return {
    v: VERSION,
    browser,
    user,
    ...members,
    epoch,
    g: generation || undefined,
    exp,
    r: registers.map(toWire),
    ids,
  }
}

export function encode(payload: object): string {
  return Buffer.from(JSON.stringify(payload)).toString('base64')
}

function parse(text: string): unknown {
  return JSON.parse(Buffer.from(text, 'base64').toString())
}

/** Decodes a cookie. Returns undefined if the content is malformed, even with a valid signature. */
export function decode(text: string, hasOldKey: boolean, now: number): GoodCookie | undefined {
  try {
    const payload = parse(text)
    if (!isRecord(payload)) return undefined
    const { v, browser, user, epoch, g = FIRST_GENERATION, exp, r, ids, ...members } = payload
    if (Number(v) > VERSION) return { isNewer: true, text, expiresAt: Number.isFinite(exp) ? Number(exp) : Infinity }
    const registers = parseRegisters(r, now, ids)
    if (v !== VERSION || !isBrowserId(browser) || !registers) return undefined
    if (![epoch, g, exp].every(Number.isSafeInteger)) return undefined
    const rest = {
      text,
      expiresAt: Number(exp),
      hasOldKey,
      browser,
      user: isSub(user) ? user : undefined,
      epoch: Number(epoch),
      generation: Number(g),
      members: Object.keys(members).length === 0 ? undefined : members,
    }
    return new VerifiedCookie(rest, registers, now)
  } catch {
    return undefined
  }
}
