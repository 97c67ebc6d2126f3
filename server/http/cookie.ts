import type { IncomingMessage, ServerResponse } from 'node:http'
import Koa from 'koa'
import session from 'koa-session'
import { isRecord, parseRegisters } from '../../shared/parse.js'
import { type StoredRegister, toWire } from '../../shared/register.js'
import { browserSubject, isBrowserId, type Subject, subjectHash } from '../identity/subject.js'
import { Generations } from '../values/generations.js'
import type { SigningKeys } from '../values/keys.js'
import type { Standing } from '../values/standing.js'

const VERSION = 1
const DAY = 24 * 60 * 60 * 1000
/** Browsers keep no cookie for longer (RFC 6265bis, 5.5). */
const MAX_EXPIRES = 400 * DAY
const REMEMBERED_TEXTS = 10_000
/** Of SHA-256, in base64url. */
const MAC_LENGTH = 43
/** Less than what says nothing but a browser's id. */
const LEAST_LENGTH = 80
/** Cookies of our name in one request, and signatures: a header is room for a thousand, but no browser's. */
const MAX_CANDIDATES = 16

/** What the live cookie says. */
export interface CookieContent {
  /** The browser's id. */
  readonly browser: string
  /** Hash of the signed-in user's subject, whose values these are. */
  readonly user: string | undefined
  /** Hash of the subject this browser was before it signed in. */
  readonly former: string | undefined
  readonly epoch: number
  readonly registers: readonly StoredRegister[]
  /** The request had brought none: an answer to another tab, opened at the same time, may have brought another id. */
  readonly isFirst: boolean
}

/** A live cookie whose signature is good. */
export interface VerifiedCookie extends CookieContent {
  readonly text: string
  readonly browserSubject: Subject
  /** ms since 1970, by our own clock */
  readonly expiresAt: number
  /** Signed by a key that signs no more, so it is to be written again. */
  readonly isRetired: boolean
  /** Written by a newer build: read as empty, and left as it is for that build to find. */
  readonly isNewer: boolean
  /** What a request with it was last found to be. */
  standing: Standing | undefined
}

export interface CookieOptions {
  readonly name: string
  readonly maxAge: number
  readonly sameSite: 'strict' | 'lax' | 'none'
  readonly secure: boolean | undefined
  readonly domain: string | undefined
}

/** The live cookie: verified by our own code, because the hot path must touch no crypto; written by koa-session, whole. */
export class LiveCookie {
  readonly #keys: SigningKeys
  readonly #options: CookieOptions
  readonly #pair: string
  readonly #sigPair: string
  readonly #app: Koa
  readonly #writer: Koa
  readonly #clock: () => number
  // The same text is verified once: what it says never changes.
  readonly #verified: Generations<VerifiedCookie>

  constructor(app: Koa, keys: SigningKeys, options: CookieOptions, clock: () => number) {
    this.#app = app
    this.#keys = keys
    this.#options = options
    this.#pair = `${options.name}=`
    this.#sigPair = `${options.name}.sig=`
    this.#clock = clock
    this.#verified = Generations.onMap({ max: REMEMBERED_TEXTS, clock })
    this.#writer = createWriter(keys, options)
  }

  /** The cookie of a request, if one verifies and is not past its time. Where there are several, rather the user's own. */
  read(header: string | undefined, user?: Subject): VerifiedCookie | undefined {
    if (header === undefined) return undefined
    const at = header.indexOf(this.#pair)
    const sigAt = header.indexOf(this.#sigPair)
    if (at < 0 || sigAt < 0) return undefined
    // Found once each, and where a name begins; anything else may have been planted.
    const isSingle = header.indexOf(this.#pair, at + 1) < 0 && header.indexOf(this.#sigPair, sigAt + 1) < 0
    if (!isSingle || !isName(header, at) || !isName(header, sigAt)) return this.#search(header, user)
    return this.#verify(valueAt(header, at + this.#pair.length), valueAt(header, sigAt + this.#sigPair.length))
  }

  /** Writes the cookie onto an answer whose headers have not gone out yet. Synchronous, for all that koa-session is not. */
  write(req: IncomingMessage, res: ServerResponse, content: CookieContent): Promise<void> {
    const ctx = this.#context(req, res)
    ctx['session'] = this.#payload(content)
    return ctx['session'].manuallyCommit()
  }

  /** Has the browser forget its cookie. */
  clear(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const ctx = this.#context(req, res)
    // What it had is of no interest: a session of our own, so that koa-session does not look.
    ctx['session'] = {}
    const removed = ctx['session']
    ctx['session'] = null
    return removed.manuallyCommit()
  }

  /** The value of a Cookie header that a browser with this content would send. */
  header(content: CookieContent): string {
    const pair = `${this.#options.name}=${encode(this.#payload(content))}`
    return `${pair}; ${this.#options.name}.sig=${this.#keys.sign(pair)}`
  }

  #context(req: IncomingMessage, res: ServerResponse): Koa.Context {
    this.#writer.proxy = this.#app.proxy
    const ctx = this.#writer.createContext(req, res)
    // Behind a proxy that ends TLS unannounced the app may still know better: `secure: true` is taken at its word.
    if (this.#options.secure) ctx.cookies.secure = true
    return ctx
  }

  #payload(content: CookieContent): object {
    return payloadOf(content, Math.floor(this.#clock() + this.#options.maxAge))
  }

  /**
   * A sibling subdomain can plant cookies of our name, ahead of ours (cookie tossing): whichever verifies is ours. Those may be
   * several, as an attacker can get a good cookie of their own to plant: then the one of this user.
   */
  #search(header: string, user: Subject | undefined): VerifiedCookie | undefined {
    const signatures = allValues(header, this.#sigPair).filter(({ length }) => length === MAC_LENGTH)
    const texts = allValues(header, this.#pair).filter(({ length }) => length >= LEAST_LENGTH)
    const candidates = signatures.slice(0, MAX_CANDIDATES)
    const verified = texts.slice(0, MAX_CANDIDATES).flatMap((text) => {
      const signature = this.#keys.find(this.#pair + text, candidates)
      return (signature !== undefined && this.#verify(text, signature)) || []
    })
    const sub = user && subjectHash(user)
    return verified.find((cookie) => cookie.user === sub) ?? verified[0]
  }

  #verify(text: string, signature: string): VerifiedCookie | undefined {
    // By its signature, which is short: to hash a whole cookie takes as long as all the rest of a request's reading.
    const known = this.#verified.get(signature)
    const cookie = known?.text === text ? known : this.#decode(text, signature)
    return cookie && cookie.expiresAt > this.#clock() ? cookie : undefined
  }

  #decode(text: string, signature: string): VerifiedCookie | undefined {
    const index = this.#keys.index(this.#pair + text, signature)
    const cookie = index < 0 ? undefined : decode(flat(text), index > 0)
    if (cookie) this.#verified.set(flat(signature), cookie)
    return cookie
  }
}

/** koa-session in an app of its own: it can never overwrite the app's `ctx.session`, nor be overwritten by it. */
function createWriter(keys: SigningKeys, { name, maxAge, sameSite, secure, domain }: CookieOptions): Koa {
  const writer = new Koa()
  Object.assign(writer, { keys: { sign: (text: string) => keys.sign(text) } })
  const options = { key: name, maxAge: Math.min(maxAge, MAX_EXPIRES), sameSite, encode: encodeSession }
  const optional = { ...(secure === undefined ? {} : { secure }), ...(domain === undefined ? {} : { domain }) }
  session({ ...options, ...optional }, writer)
  return writer
}

function encodeSession({ _expire, _maxAge, ...payload }: Record<string, unknown>): string {
  return encode(payload)
}

/** What a cookie's value is made of. */
export function payloadOf(content: CookieContent, exp: number): object {
  const { browser, user, former, epoch, registers, isFirst } = content
  const names = { ...(user === undefined ? {} : { user }), ...(former === undefined ? {} : { former }) }
  const first = isFirst ? { first: true } : {}
  return { v: VERSION, browser, ...names, ...first, epoch, exp, r: registers.map(toWire) }
}

export function encode(payload: object): string {
  return Buffer.from(JSON.stringify(payload)).toString('base64')
}

function decode(text: string, isRetired: boolean): VerifiedCookie | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(text, 'base64').toString())
    if (!isRecord(payload)) return undefined
    const { v, browser, user, former, first, epoch, exp, r } = payload
    if (Number(v) > VERSION) return newerCookie(text, Number(exp))
    const registers = parseRegisters(r)
    if (v !== VERSION || !isBrowserId(browser) || !registers) return undefined
    if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(exp)) return undefined
    return {
      browser,
      user: optionalString(user),
      former: optionalString(former),
      epoch: Number(epoch),
      registers,
      isFirst: first === true,
      text,
      browserSubject: browserSubject(browser),
      expiresAt: Number(exp),
      isRetired,
      isNewer: false,
      standing: undefined,
    }
  } catch {
    return undefined
  }
}

function newerCookie(text: string, exp: number): VerifiedCookie {
  const expiresAt = Number.isFinite(exp) ? exp : Number.POSITIVE_INFINITY
  const content = { browser: '', user: undefined, former: undefined, epoch: 0, registers: [], isFirst: false }
  return { ...content, text, browserSubject: '', expiresAt, isRetired: false, isNewer: true, standing: undefined }
}

function optionalString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The values of all cookies of one name in a Cookie header; `pair` is the name with its equals sign. */
function allValues(header: string, pair: string): readonly string[] {
  return header
    .split(/; */)
    .filter((cookie) => cookie.startsWith(pair))
    .map((cookie) => cookie.slice(pair.length))
}

/** Whether a cookie's name begins there. */
function isName(header: string, at: number): boolean {
  return at === 0 || header[at - 1] === ';' || header.startsWith('; ', at - 2)
}

/** A copy: what is cut out of a header would keep all of that header in memory. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

function valueAt(header: string, start: number): string {
  const end = header.indexOf(';', start)
  return end < 0 ? header.slice(start) : header.slice(start, end)
}
