// Verifies, writes and clears the live cookie, and decides which of a request's cookies belongs to the visitor.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type Koa from 'koa'
import type { Ends } from '../ends/ends.js'
import type { GuestMemory } from '../memory/guest-memory.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import type { Warn } from '../settings/report.js'
import type { CookieOptions, Settings } from '../settings/settings.js'
import type { SigningKeys } from '../subjects/signing-keys.js'
import { type BrowserId, subjectHash, type UserSubject } from '../subjects/subject.js'
import { chosen, createWriter } from './attributes.js'
import {
  type CookieContent,
  decode,
  encode,
  type GoodCookie,
  payloadOf,
  type ReadCookie,
  readables,
  type VerifiedCookie,
} from './content.js'
import type { CookieMemos } from './memo.js'
import { headBytes } from './size.js'

/** Bytes per cached cookie besides its text. */
const ENTRY = 500
const weigh = ({ text }: GoodCookie): number => ENTRY + text.length
/** The length of a SHA-256 MAC in base64url. */
const MAC_LENGTH = 43
const FOREIGN =
  'a live cookie is signed with none of the secrets of this process. Processes of one app share their secrets, and keep a retired one for maxAge: node_modules/koa-live-session/docs/troubleshooting.md#lost-after-a-restart-of-the-server'
/** By default nginx buffers a response head in one memory page: 4,096 bytes. */
const MOST_IN_HEAD = 4000
const LARGE_HEAD =
  'a response head with the live cookie has more than 4,000 bytes, which nginx answers with 502 by default. Set proxy_buffer_size 16k and proxy_buffers 8 16k in nginx, ' +
  'or keep less in cookies: node_modules/koa-live-session/docs/troubleshooting.md#502-behind-nginx'
/** The minimum length of a text to verify: even with only a browser id, our cookie is longer. */
const LEAST_LENGTH = 80
/** The maximum number of texts to verify: no browser sends so many cookies to a site. */
const MOST_TEXTS = 180

/** A request, or a substitute with its headers. */
export interface Sender {
  readonly headers: { readonly cookie?: string | undefined }
}

/** The time of a browser id's retirement, in ms since 1970, and the id. */
export type RetirementNotice = readonly [retiredAt: number, browser: BrowserId]

interface LiveCookieParts {
  readonly settings: Pick<Settings, 'cookie' | 'clock' | 'warn'>
  readonly guestMemory: GuestMemory
  readonly memos: Pick<CookieMemos, 'dropAll'>
  readonly ends: Pick<Ends, 'validityOf'>
}

/** The live cookie. Our own code verifies the cookie, with a cache to keep crypto off the hot path. Koa-session writes the cookie. */
export class LiveCookie {
  readonly #keys: SigningKeys
  readonly #options: CookieOptions
  readonly #pair: string
  readonly #sigPair: string
  readonly #retiredName: string
  readonly #retiredPair: string
  readonly #app: Koa
  readonly #writer: Koa
  readonly #clock: () => number
  readonly #ends: Pick<Ends, 'validityOf'>
  readonly #warn: Warn
  /** The verified cookies by signature, so that each text is verified once. */
  readonly #verified: RotatingCache<GoodCookie>
  /** The verified cookies of a request that brings several: memoized, because a request reads its cookie repeatedly. */
  readonly #searched = new WeakMap<Sender, readonly GoodCookie[]>()
  /** Whether this process has warned of a large head. It warns only once, because the operator may have raised the proxy's limit. */
  #hasWarnedOfHead = false

  constructor(app: Koa, keys: SigningKeys, { settings, guestMemory, memos, ends }: LiveCookieParts) {
    const { cookie: options, clock, warn } = settings
    this.#app = app
    this.#keys = keys
    this.#options = options
    this.#pair = `${options.name}=`
    this.#sigPair = `${options.name}.sig=`
    this.#retiredName = `${options.name}.retired`
    this.#retiredPair = `${this.#retiredName}=`
    this.#clock = clock
    this.#ends = ends
    this.#warn = warn
    // The next request decodes an evicted cookie again, into another object.
    const onDrop = (): void => memos.dropAll()
    this.#verified = RotatingCache.onMap({ shared: { bytes: guestMemory, weigh }, clock, onDrop })
    this.#writer = createWriter(keys, options)
  }

  /** Returns the valid, unexpired cookie of a request. Of several cookies, returns the user's own, or all as ambiguous. */
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

  /** Iterates over recently seen cookies, except those of newer builds. */
  *seen(): Generator<VerifiedCookie> {
    for (const [, read] of this.#verified.entries()) yield* readables(read)
  }

  /** Writes the cookie to a response before its headers are sent. The effect is synchronous, although koa-session returns a promise. */
  write(req: IncomingMessage, res: ServerResponse, content: CookieContent): Promise<void> {
    const ctx = this.#context(req, res)
    this.#announceRetirement(ctx)
    ctx['session'] = this.#payload(content)
    // Deferred, because outer middleware may add headers.
    if (!this.#hasWarnedOfHead) process.nextTick(() => this.#checkHead(res))
    // Not `manuallyCommit`, which first hashes the content to detect changes.
    return ctx['session'].save()
  }

  /** Makes the browser delete its cookie. */
  clear(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const ctx = this.#context(req, res)
    this.#announceRetirement(ctx)
    // A session object of ours stops koa-session from reading the request's cookie.
    ctx['session'] = {}
    const removed = ctx['session']
    ctx['session'] = null
    return removed.manuallyCommit()
  }

  /** Returns a Cookie header with this content, as a browser would send it. */
  header(content: CookieContent): string {
    const pair = `${this.#options.name}=${encode(this.#payload(content))}`
    return `${pair}; ${this.#options.name}.sig=${this.#keys.sign(pair)}`
  }

  /**
   * Gives the browser a cookie with the time of its id's retirement. A request under the retired id that brings this notice was sent after
   * the retirement, and is not late. Our own code signs the notice, within its cookie, because a subdomain could plant an invented notice.
   */
  announceRetirement(req: IncomingMessage, res: ServerResponse, retired: RetirementNotice | undefined): void {
    this.#announceRetirement(this.#context(req, res), retired)
  }

  /** @param retired undefined deletes the notice, because the response replaces or clears the cookie */
  #announceRetirement({ req, cookies }: Koa.Context, retired?: RetirementNotice): void {
    if (!retired && !req.headers.cookie?.includes(this.#retiredName)) return
    const options = { signed: false, overwrite: true, ...chosen(this.#options) }
    const notice = retired?.join('.')
    const text = notice === undefined ? null : `${notice}.${this.#keys.sign(this.#retiredPair + notice)}`
    cookies.set(this.#retiredName, text, options)
  }

  /** Returns when an id was retired according to the notice in the request, in ms since 1970; 0 without a notice of ours. */
  announcedRetirement({ headers }: Sender, browser: BrowserId): number {
    const notices = allValues(headers.cookie ?? '', this.#retiredPair).slice(-MOST_TEXTS)
    const times = notices.map((text) => {
      const [retiredAt, id, signature = ''] = text.split('.')
      const isOurs = id === browser && this.#keys.index(`${this.#retiredPair}${retiredAt}.${id}`, signature) >= 0
      return isOurs ? Number(retiredAt) : 0
    })
    return Math.max(0, ...times)
  }

  #checkHead(res: ServerResponse): void {
    if (this.#hasWarnedOfHead || headBytes(res) <= MOST_IN_HEAD) return
    this.#hasWarnedOfHead = true
    this.#warn(LARGE_HEAD)
  }

  #context(req: IncomingMessage, res: ServerResponse): Koa.Context {
    this.#writer.proxy = this.#app.proxy
    const ctx = this.#writer.createContext(req, res)
    // Behind a TLS-terminating proxy that sends no protocol header, trust the app's `secure: true`.
    if (this.#options.secure) ctx.cookies.secure = true
    return ctx
  }

  #payload(content: CookieContent): object {
    return payloadOf(content, Math.floor(this.#clock() + this.#options.maxAge))
  }

  /**
   * Finds our cookies by their signature, because a sibling subdomain can plant cookies with our name before ours (cookie tossing). Tries
   * as many texts as a browser can send, because any of them may be ours.
   */
  #search(texts: readonly string[], signatures: readonly string[]): readonly GoodCookie[] {
    const offered = new Set(signatures.filter(({ length }) => length === MAC_LENGTH))
    const worthy = texts.filter(({ length }) => length >= LEAST_LENGTH).slice(-MOST_TEXTS)
    return worthy.flatMap((text) => {
      const signature = this.#keys.find(this.#pair + text, offered)
      return (signature !== undefined && this.#verify(text, signature)) || []
    })
  }

  /**
   * Prefers the current user's cookie, because a valid cookie that an attacker plants belongs to another visitor. Nothing tells a guest's
   * own cookie from a planted one, so a guest's cookies of several browser ids are ambiguous.
   */
  #choose(verified: readonly GoodCookie[], user: UserSubject | undefined): ReadCookie | undefined {
    const current = verified.filter((cookie) => cookie.isNewer || this.#ends.validityOf(cookie) === 'current')
    const all = current.flatMap(readables)
    const sub = user && subjectHash(user)
    const own = all.find((cookie) => cookie.user === sub)
    const isAmbiguous = all.some(({ browser }) => browser !== all[0]?.browser)
    if (isAmbiguous && (!own || sub === undefined)) return { ambiguous: all }
    return own ?? current[0] ?? verified[0]
  }

  #verify(text: string, signature: string): GoodCookie | undefined {
    // Cached by the short signature, not by the text: hashing a whole cookie would take as long as the rest of reading a request.
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

/** Returns the values of all cookies with this name in a Cookie header; `pair` is the name with its equals sign. */
function allValues(header: string, pair: string): readonly string[] {
  const values: string[] = []
  for (let at = header.indexOf(pair); at >= 0; at = header.indexOf(pair, at + pair.length)) {
    if (!beginsName(header, at)) continue
    const end = header.indexOf(';', at)
    values.push(header.slice(at + pair.length, end < 0 ? undefined : end))
  }
  return values
}

/** Returns whether a cookie's name begins at this position. Another cookie's name may end like ours, or its value may contain our name. */
function beginsName(header: string, at: number): boolean {
  let before = at - 1
  while (header[before] === ' ') before -= 1
  return before < 0 || header[before] === ';'
}

/** Returns a copy: a slice of a header would keep the whole header in memory. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
