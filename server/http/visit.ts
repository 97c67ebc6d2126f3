import type Koa from 'koa'
import onHeaders from 'on-headers'
import type { Field } from '../../shared/field.js'
import type { Replica } from '../../shared/replica.js'
import type { Core } from '../core.js'
import type { Departing, Recognized } from '../identity/identities.js'
import { newBrowserId, type Subject, subjectHash } from '../identity/subject.js'
import { Visitor } from '../identity/visitor.js'
import { type Brought, cookieAction, type Deed, moreOf } from './answer-cookie.js'
import { onArrival } from './arrival.js'
import { keepFromSharedCaches } from './cache-control.js'
import type { VerifiedCookie } from './cookie.js'

const TOO_LATE =
  'values were used after the headers had gone out, for a browser without a live cookie: what it sets it cannot read again'

const NOT_SHARED =
  'Cache-Control: expected nothing that lets shared caches keep an answer whose request used values, received public, ' +
  's-maxage or a header for a CDN. The answer went out as private: it is of one visitor. For an answer that is the same ' +
  'for all, read no values'

/** Whom `identify` has vouched for, at a request's beginning or within it. */
export interface Vouched {
  readonly user: Subject | undefined
  /** How many revocations there had been when it was asked. */
  readonly since: number
}

/** One request's part in a session: whose it is, and what its answer does to the cookie. Begun at the first use. */
export class Visit {
  readonly #core: Core
  readonly #ctx: Koa.Context
  /** Whether the request brought no live cookie at all: the browser may keep none. */
  readonly isCookieless: boolean
  /** The browser id of a cookie that had been given up before the session was used. */
  readonly #givenUp: Subject | undefined
  #recognized: Recognized
  #since: number
  #brought: Brought
  #deed: Deed = 'reads'

  constructor(core: Core, ctx: Koa.Context, { user, since }: Vouched) {
    this.#core = core
    this.#ctx = ctx
    const cookie = core.cookie.read(ctx.req.headers.cookie, user)
    this.isCookieless = cookie === undefined
    this.#recognized = core.identities.recognize(cookie, user)
    this.#brought = this.#recognized.brought
    this.#givenUp = this.#brought === 'given-up' ? cookie?.browserSubject : undefined
    this.#since = since
    void this.#depart(this.#recognized.left)
    // As the headers go out, not before: Koa strips what is set by then from the answer to an error.
    onHeaders(ctx.res, () => this.#seal())
  }

  /** Tells the app of an error that no code awaits. */
  readonly report = (error: unknown): void => this.#core.report(error, this.#ctx)

  get visitor(): Visitor {
    return this.#recognized.visitor
  }

  /** The request's own cookie, where it is this visitor's. */
  get cookie(): VerifiedCookie | undefined {
    return this.#recognized.cookie
  }

  /** Hash of the subject that this browser was before it signed in. */
  get former(): string | undefined {
    return this.#recognized.former
  }

  /** The replica that a field of the visitor is in, where there is one. */
  replica(field: Field): Replica | undefined {
    const { cookie, visitor } = this.#recognized
    return this.#core.freshness.replica(field, visitor, cookie?.standing)
  }

  /** Whether the browser knows, or will know, under which id it goes. */
  get isKept(): boolean {
    return this.cookie !== undefined || this.#action() === 'write'
  }

  /** Whether this visitor agreed to be remembered, as far as is known. */
  get hasConsent(): boolean {
    return this.cookie !== undefined || this.#hasConsent()
  }

  /** Whether the browser id that the request came with was given up since the request began. */
  get isSuperseded(): boolean {
    const { epochs } = this.#core
    const { browserSubject } = this.visitor
    if (this.#givenUp !== undefined && epochs.isRevokedSince(this.#givenUp, this.#since)) return true
    return browserSubject !== undefined && epochs.isRetired(browserSubject)
  }

  /** Takes note of what the request does with the session. */
  does(deed: Deed): void {
    this.#deed = moreOf(this.#deed, deed)
  }

  /** The visitor with a browser id, for the answer's cookie to carry: a new one unless it is told which. */
  remember(browser?: string): Visitor {
    if (this.visitor.browser === undefined) {
      if (this.#ctx.res.headersSent) this.#core.warn(TOO_LATE)
      const visitor = new Visitor(browser ?? newBrowserId(), this.visitor.user)
      this.#recognized = { ...this.#recognized, visitor }
    }
    return this.visitor
  }

  /** Goes on as another user, or as a guest. Resolves when the connections of before are closed. */
  async changeTo({ user, since }: Vouched): Promise<void> {
    if (user === this.visitor.user && !this.#isRevoked) this.does('shows')
    else await this.#become(this.#core.identities.changeHands(this.#departing, user), since)
  }

  /** Whether the user was revoked since the request's own cookie was read. Who signs in again needs another. */
  get #isRevoked(): boolean {
    const { epochs } = this.#core
    return this.cookie !== undefined && !epochs.isRetired(this.cookie.browserSubject) && !epochs.isCurrent(this.cookie)
  }

  /** Goes on as a stranger, with a new browser id. Resolves when the connections of before are closed. */
  async leave(): Promise<void> {
    await this.#become(this.#core.identities.leave(this.#departing), this.#core.epochs.revocations)
  }

  /** Ends the connections under these names, once the answer is out: they come back at once, and shall bring the new cookie. */
  end(names: readonly string[]): void {
    const { connections } = this.#core
    onArrival(this.#ctx.res, () => void connections.end(connections.of(...names), 'other_subject'))
  }

  #become(recognized: Recognized, since: number): Promise<void> {
    const former = this.visitor.user
    this.#recognized = recognized
    this.#since = since
    if (this.#brought === 'own') this.#brought = 'former'
    this.does('renews')
    return this.#depart(recognized.left, former)
  }

  async #depart(left: readonly string[], user?: Subject): Promise<void> {
    if (left.length > 0) await this.#core.departures.begin(left, user, this.#ctx.res)
  }

  get #departing(): Departing {
    const { browser, user } = this.visitor
    return { browser, user: user && subjectHash(user), registers: this.cookie?.registers ?? [] }
  }

  #seal(): void {
    const { res } = this.#ctx
    if (res.hasHeader('Vary')) this.#ctx.vary('Cookie')
    else res.setHeader('Vary', 'Cookie')
    const action = this.#action()
    if (action === 'write') this.#writeCookie()
    if (action === 'clear') this.#clearCookie()
    if (keepFromSharedCaches(res, action !== 'leave')) this.#core.warn(NOT_SHARED)
  }

  #action(): ReturnType<typeof cookieAction> {
    return cookieAction({
      brought: this.#brought,
      deed: this.#deed,
      hasEnded: this.#hasEnded(),
      isStale: this.#isStale(),
      hasConsent: () => this.#hasConsent(),
    })
  }

  /** Another request has signed the visitor out, in, or over to another user: this answer, being late, must not undo that. */
  #hasEnded(): boolean {
    const { epochs } = this.#core
    const { cookie, visitor } = this.#recognized
    if (cookie) return !epochs.isCurrent(cookie)
    if (this.isSuperseded) return true
    return visitor.user !== undefined && epochs.hasLeftSince(subjectHash(visitor.user), this.#since)
  }

  #isStale(): boolean {
    const { cookie, visitor } = this.#recognized
    if (!cookie) return false
    const { maxAge, clock } = this.#core.settings
    if (cookie.isRetired || cookie.expiresAt - clock() < maxAge / 2) return true
    return this.#core.freshness.absorb(cookie, visitor).isBehind
  }

  #hasConsent(): boolean {
    try {
      return this.#core.settings.consent(this.#ctx)
    } catch (error) {
      this.report(error)
      return false
    }
  }

  /** A server that takes https for http sends cookies without Secure, and finds every page's origin a foreign one. */
  #checkProxy(): void {
    const { settings, warn } = this.#core
    if (this.#ctx.secure) return
    const says = settings.cookie.secure ? 'secure is true' : 'X-Forwarded-Proto says https'
    if (settings.cookie.secure || this.#ctx.get('X-Forwarded-Proto') === 'https')
      warn(`${says}, but this server thinks that the request came over http. Behind a proxy set app.proxy = true.`)
  }

  #clearCookie(): void {
    this.#core.cookie.clear(this.#ctx.req, this.#ctx.res).catch(this.report)
  }

  #writeCookie(): void {
    const { cookie, freshness, epochs } = this.#core
    const visitor = this.remember()
    // Memory may have forgotten the visitor since the request began, which must not make the cookie poorer.
    if (this.cookie) freshness.absorb(this.cookie, visitor)
    const { browser = '', browserSubject = '', user } = visitor
    const sub = subjectHash(user ?? browserSubject)
    const content = {
      browser,
      user: user === undefined ? undefined : sub,
      former: this.former,
      epoch: epochs.of(sub),
      registers: freshness.registers(visitor, this.cookie),
      // A sign-in has one successor for all requests under way; nor is there room for it beside `former`.
      isFirst: ['none', 'given-up'].includes(this.#brought) && this.former === undefined,
    }
    this.#checkProxy()
    cookie.write(this.#ctx.req, this.#ctx.res, content).catch(this.report)
  }
}
