import type { IncomingMessage, ServerResponse } from 'node:http'
import type Koa from 'koa'
import type { Warn } from '../../report.js'
import type { GuestBytes } from '../memory/guest-bytes.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import type { SigningKeys } from '../names/keys.js'
import { type BrowserId, subjectHash, type UserSubject } from '../names/subject.js'
import { headBytes } from './cookie-size.js'
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
import { type CookieOptions, chosen, createWriter } from './cookie-writer.js'

/** Bytes that a cached text takes besides its characters, together with what is found for it. */
const ENTRY = 500
const weigh = ({ text }: GoodCookie): number => ENTRY + text.length
/** The length of a SHA-256 MAC in base64url. */
const MAC_LENGTH = 43
const FOREIGN =
  'a live cookie is signed with none of the secrets of this process. Processes of one app share their secrets, and keep a retired one for maxAge: node_modules/koa-live-session/docs/troubleshooting.md#lost-after-a-restart-of-the-server'
/** nginx reads a whole head into a page of memory, 4,096 bytes, unless told otherwise. */
const MOST_IN_HEAD = 4000
const LARGE_HEAD =
  'a response head with the live cookie has more than 4,000 bytes, which nginx answers with 502 by default. Set proxy_buffer_size 16k and proxy_buffers 8 16k in nginx, ' +
  'or keep less in cookies: node_modules/koa-live-session/docs/troubleshooting.md#502-behind-nginx'
/** Shorter than a cookie with nothing but a browser id. */
const LEAST_LENGTH = 80
/** No browser sends more cookies to one site: only a header that no browser has written holds more texts. */
const MOST_TEXTS = 180

/** A request, or what stands for one. */
export interface Sender {
  readonly headers: { readonly cookie?: string | undefined }
}

/** A browser id that was given up, and when, in ms since 1970. */
export type Ended = readonly [end: number, browser: BrowserId]

interface Needs {
  clock(this: void): number
  /** Returns whether a cookie was neither given up nor revoked. */
  isCurrent(this: void, cookie: VerifiedCookie): boolean
  /** Called when texts are evicted: one that comes again is read again. */
  onForget(this: void): void
  readonly warn: Warn
  readonly guestBytes: GuestBytes
}

/** The live cookie: verified by our own code, because the hot path must avoid crypto; written as a whole by koa-session. */
export class LiveCookie {
  readonly #keys: SigningKeys
  readonly #options: CookieOptions
  readonly #pair: string
  readonly #sigPair: string
  readonly #endName: string
  readonly #app: Koa
  readonly #writer: Koa
  readonly #clock: Needs['clock']
  readonly #isCurrent: Needs['isCurrent']
  readonly #warn: Warn
  // The same text is verified once: its content never changes.
  readonly #verified: RotatingCache<GoodCookie>
  /** What verifies of requests with several cookies: a request asks more than once. */
  readonly #searched = new WeakMap<Sender, readonly GoodCookie[]>()
  /** Whether this process has warned of a large head: its operator may have raised the proxy's limit since. */
  #hasToldHead = false

  constructor(app: Koa, keys: SigningKeys, options: CookieOptions, needs: Needs) {
    const { clock, guestBytes, isCurrent, onForget, warn } = needs
    this.#app = app
    this.#keys = keys
    this.#options = options
    this.#pair = `${options.name}=`
    this.#sigPair = `${options.name}.sig=`
    this.#endName = `${options.name}.ended`
    this.#clock = clock
    this.#isCurrent = isCurrent
    this.#warn = warn
    this.#verified = RotatingCache.onMap({ shared: { bytes: guestBytes, weigh }, clock, onDrop: onForget })
    this.#writer = createWriter(keys, options)
  }

  /** Returns the cookie of a request, if one verifies and has not expired; of several, the user's own. */
  read(sender: Sender, user?: UserSubject): ReadCookie | undefined {
    const header = sender.headers.cookie
    if (header === undefined) return undefined
    const texts = allValues(header, this.#pair)
    const signatures = allValues(header, this.#sigPair)
    const [text] = texts
    const [signature] = signatures
    if (text === undefined || signature === undefined) return undefined
    if (texts.length === 1 && signatures.length === 1) return this.#verify(text, signature)
    const verified = this.#searched.get(sender) ?? this.#search(texts, signatures)
    this.#searched.set(sender, verified)
    return this.#choose(verified, user)
  }

  /** Yields the cookies that browsers have sent lately and that this build can read. */
  *seen(): Generator<VerifiedCookie> {
    for (const [, read] of this.#verified.entries()) yield* readables(read)
  }

  /** Writes the cookie to a response whose headers have not gone out yet. Synchronous, although koa-session is not. */
  write(req: IncomingMessage, res: ServerResponse, content: CookieContent): Promise<void> {
    const ctx = this.#context(req, res)
    this.#tellEnd(ctx)
    ctx['session'] = this.#payload(content)
    // Not yet: outer middleware may add headers after this.
    if (!this.#hasToldHead) process.nextTick(() => this.#checkHead(res))
    // Not `manuallyCommit`, which hashes the content first to see whether it has changed.
    return ctx['session'].save()
  }

  /** Makes the browser delete its cookie. */
  clear(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const ctx = this.#context(req, res)
    this.#tellEnd(ctx)
    // The former content does not matter: given a session of ours, koa-session does not read it.
    ctx['session'] = {}
    const removed = ctx['session']
    ctx['session'] = null
    return removed.manuallyCommit()
  }

  /** Returns the value of the Cookie header that a browser with this content would send. */
  header(content: CookieContent): string {
    const pair = `${this.#options.name}=${encode(this.#payload(content))}`
    return `${pair}; ${this.#options.name}.sig=${this.#keys.sign(pair)}`
  }

  /**
   * Tells the browser which id in a cookie that it has sent was given up, and when, in ms since 1970. It says so with each later request: one
   * that says so, and still brings that cookie, was not sent before.
   */
  tellEnd(req: IncomingMessage, res: ServerResponse, givenUp: Ended | undefined): void {
    this.#tellEnd(this.#context(req, res), givenUp)
  }

  /** @param givenUp undefined takes back what the browser was told, as it gets another cookie */
  #tellEnd({ req, cookies }: Koa.Context, givenUp?: Ended): void {
    if (!givenUp && !req.headers.cookie?.includes(this.#endName)) return
    const options = { signed: false, overwrite: true, ...chosen(this.#options) }
    cookies.set(this.#endName, givenUp ? givenUp.join('.') : null, options)
  }

  /** Returns when an id was given up last, as the browser had been told when it sent a request, in ms since 1970; 0 if it had not. */
  toldEnd({ headers }: Sender, browser: BrowserId): number {
    const told = allValues(headers.cookie ?? '', `${this.#endName}=`).map((text) => text.split('.'))
    return Math.max(0, ...told.map(([end, id]) => (id === browser ? Number(end) : 0)).filter(Number.isSafeInteger))
  }

  #checkHead(res: ServerResponse): void {
    if (this.#hasToldHead || headBytes(res) <= MOST_IN_HEAD) return
    this.#hasToldHead = true
    this.#warn(LARGE_HEAD)
  }

  #context(req: IncomingMessage, res: ServerResponse): Koa.Context {
    this.#writer.proxy = this.#app.proxy
    const ctx = this.#writer.createContext(req, res)
    // Behind a proxy that terminates TLS without saying so the app may know better: `secure: true` is trusted.
    if (this.#options.secure) ctx.cookies.secure = true
    return ctx
  }

  #payload(content: CookieContent): object {
    return payloadOf(content, Math.floor(this.#clock() + this.#options.maxAge))
  }

  /**
   * A sibling subdomain can plant cookies with our name ahead of ours (cookie tossing): the one that verifies is ours. All that a browser
   * sends are tried: those left out could hide ours.
   */
  #search(texts: readonly string[], signatures: readonly string[]): readonly GoodCookie[] {
    const offered = new Set(signatures.filter(({ length }) => length === MAC_LENGTH))
    const worthy = texts.filter(({ length }) => length >= LEAST_LENGTH).slice(-MOST_TEXTS)
    return worthy.flatMap((text) => {
      const signature = this.#keys.find(this.#pair + text, offered)
      return (signature !== undefined && this.#verify(text, signature)) || []
    })
  }

  /** Several may verify, as an attacker can get and plant a valid cookie of their own: then ours is this user's, which no other user has. */
  #choose(verified: readonly GoodCookie[], user: UserSubject | undefined): ReadCookie | undefined {
    const current = verified.filter((cookie) => cookie.isNewer || this.#isCurrent(cookie))
    const all = current.flatMap(readables)
    const sub = user && subjectHash(user)
    const own = all.find((cookie) => cookie.user === sub)
    const isRivalled = all.some(({ browser }) => browser !== all[0]?.browser)
    if (isRivalled && (!own || sub === undefined)) return { rivals: all }
    return own ?? current[0] ?? verified[0]
  }

  #verify(text: string, signature: string): GoodCookie | undefined {
    // Looked up by signature, which is short: hashing a whole cookie takes as long as all the rest of reading a request.
    const known = this.#verified.get(signature)
    const cookie = known?.text === text ? known : this.#decode(text, signature)
    return cookie && cookie.expiresAt > this.#clock() ? cookie : undefined
  }

  #decode(text: string, signature: string): GoodCookie | undefined {
    const index = this.#keys.index(this.#pair + text, signature)
    if (index < 0) {
      this.#warn(FOREIGN)
      return undefined
    }
    const cookie = decode(flat(text), index > 0, this.#clock())
    if (cookie) this.#verified.set(flat(signature), cookie)
    return cookie
  }
}

/** Returns the values of all cookies with one name in a Cookie header; `pair` is the name with its equals sign. */
function allValues(header: string, pair: string): readonly string[] {
  const values: string[] = []
  for (let at = header.indexOf(pair); at >= 0; at = header.indexOf(pair, at + pair.length)) {
    if (!beginsName(header, at)) continue
    const end = header.indexOf(';', at)
    values.push(header.slice(at + pair.length, end < 0 ? undefined : end))
  }
  return values
}

/** Another cookie's name may end like ours, and its value may hold our name. */
function beginsName(header: string, at: number): boolean {
  let before = at - 1
  while (header[before] === ' ') before -= 1
  return before < 0 || header[before] === ';'
}

/** Returns a copy: a part cut out of a header would keep the whole header in memory. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
