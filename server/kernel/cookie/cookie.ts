import type { IncomingMessage, ServerResponse } from 'node:http'
import type Koa from 'koa'
import { RotatingCache } from '../memory/rotating-cache.js'
import { subjectHash, type UserSubject } from '../names/subject.js'
import type { Warn } from '../report.js'
import { allValues, flat, onlyValue } from './cookie-header.js'
import {
  type CookieContent,
  decode,
  encode,
  type GoodCookie,
  payloadOf,
  type ReadCookie,
  readables,
  type VerifiedCookie,
} from './cookie-text.js'
import { type CookieOptions, createWriter } from './cookie-writer.js'
import type { SigningKeys } from './keys.js'

/** What a text that is remembered takes besides its characters, and what is found for it. */
const ENTRY = 500
const weigh = ({ text }: GoodCookie): number => ENTRY + text.length
/** Of SHA-256, in base64url. */
const MAC_LENGTH = 43
const FOREIGN =
  'a live cookie is signed with none of the secrets of this process. Processes of one app share their secrets, and keep a retired one for maxAge: docs/deployment.md#secrets'
/** Less than what says nothing but a browser's id. */
const LEAST_LENGTH = 80

interface Needs {
  clock(this: void): number
  /** Whether what a cookie says was neither given up nor revoked. */
  isCurrent(this: void, cookie: VerifiedCookie): boolean
  /** Told when texts are forgotten: one of them that comes again is read anew. */
  onForget(this: void): void
  readonly warn: Warn
  /** Bytes for the texts that are remembered, and what they say. */
  readonly maxBytes: number
}

/** The live cookie: verified by our own code, because the hot path must touch no crypto; written by koa-session, whole. */
export class LiveCookie {
  readonly #keys: SigningKeys
  readonly #options: CookieOptions
  readonly #pair: string
  readonly #sigPair: string
  readonly #app: Koa
  readonly #writer: Koa
  readonly #clock: Needs['clock']
  readonly #isCurrent: Needs['isCurrent']
  readonly #warn: Warn
  // The same text is verified once: what it says never changes.
  readonly #verified: RotatingCache<GoodCookie>

  constructor(app: Koa, keys: SigningKeys, options: CookieOptions, needs: Needs) {
    const { clock, isCurrent, onForget, warn, maxBytes } = needs
    this.#app = app
    this.#keys = keys
    this.#options = options
    this.#pair = `${options.name}=`
    this.#sigPair = `${options.name}.sig=`
    this.#clock = clock
    this.#isCurrent = isCurrent
    this.#warn = warn
    this.#verified = RotatingCache.onMap({ maxBytes, weigh, clock, onDrop: onForget })
    this.#writer = createWriter(keys, options)
  }

  /** The cookie of a request, if one verifies and is not past its time. Of several the user's own. */
  read(header: string | undefined, user?: UserSubject): ReadCookie | undefined {
    if (header === undefined) return undefined
    const text = onlyValue(header, this.#pair)
    const signature = onlyValue(header, this.#sigPair)
    return text === undefined || signature === undefined ? this.#search(header, user) : this.#verify(text, signature)
  }

  /** Those that browsers have brought lately, and that this build can read. */
  *seen(): Generator<VerifiedCookie> {
    for (const [, read] of this.#verified.entries()) yield* readables(read)
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
   * several, as an attacker can get a good cookie of their own to plant: then the one of this user, which no other has. All are tried:
   * those that were left out could hide ours, and a header has room for no more than some milliseconds of them.
   */
  #search(header: string, user: UserSubject | undefined): ReadCookie | undefined {
    const signatures = allValues(header, this.#sigPair).filter(({ length }) => length === MAC_LENGTH)
    const texts = allValues(header, this.#pair).filter(({ length }) => length >= LEAST_LENGTH)
    const verified = texts.flatMap((text) => {
      const signature = this.#keys.find(this.#pair + text, signatures)
      return (signature !== undefined && this.#verify(text, signature)) || []
    })
    const current = verified.filter((cookie) => cookie.isNewer || this.#isCurrent(cookie))
    const all = current.flatMap(readables)
    const sub = user && subjectHash(user)
    const own = all.find((cookie) => cookie.user === sub)
    const isRivalled = all.some(({ browser }) => browser !== all[0]?.browser)
    if (isRivalled && (!own || sub === undefined)) return { rivals: all }
    return own ?? current[0] ?? verified[0]
  }

  #verify(text: string, signature: string): GoodCookie | undefined {
    // By its signature, which is short: to hash a whole cookie takes as long as all the rest of a request's reading.
    const known = this.#verified.get(signature)
    const cookie = known?.text === text ? known : this.#decode(text, signature)
    return cookie && cookie.expiresAt > this.#clock() ? cookie : undefined
  }

  #decode(text: string, signature: string): GoodCookie | undefined {
    const index = this.#keys.index(this.#pair + text, signature)
    if (index < 0) this.#warn(FOREIGN)
    const cookie = index < 0 ? undefined : decode(flat(text), index > 0, this.#clock())
    if (cookie) this.#verified.set(flat(signature), cookie)
    return cookie
  }
}
