import type Koa from 'koa'
import onHeaders from 'on-headers'
import type { Field } from '../shared/field.js'
import type { Replica } from '../shared/replica.js'
import { keepFromSharedCaches } from './cache-control.js'
import type { VerifiedCookie } from './cookie.js'
import type { Core } from './core.js'
import type { Departing, Recognized } from './identities.js'
import { newBrowserId, type Subject, subjectHash } from './subject.js'
import { Visitor } from './visitor.js'

const TOO_LATE =
  'values were used after the headers had gone out, for a browser without a live cookie: what it sets it cannot read again'

const NOT_SHARED =
  'Cache-Control: expected nothing that lets shared caches keep an answer whose request used values, received public, ' +
  's-maxage or a header for a CDN. The answer went out as private: it is of one visitor. For an answer that is the same ' +
  'for all, read no values'

/** One request's part in a session: whose it is, and what its answer does to the cookie. Begun at the first use. */
export class Visit {
  readonly #core: Core
  readonly #ctx: Koa.Context
  /** A newer build wrote the cookie: that build shall find it as it was. */
  readonly #isReserved: boolean
  /** Whether the request brought no live cookie at all: the browser may keep none. */
  readonly isCookieless: boolean
  #recognized: Recognized
  /** Something is worth remembering: a browser without a cookie gets one. */
  #isRemembered = false
  /** Somebody waits for a new cookie. */
  #isDue = false
  /** The browser's cookie is not this visitor's any more. */
  #isForsaken = false

  constructor(core: Core, ctx: Koa.Context, user: Subject | undefined) {
    this.#core = core
    this.#ctx = ctx
    const cookie = core.cookie.read(ctx.req.headers.cookie, user)
    this.#isReserved = cookie?.isNewer ?? false
    this.isCookieless = cookie === undefined
    this.#recognized = core.identities.recognize(cookie, user)
    void this.#depart(this.#recognized.left)
    // As the headers go out, not before: Koa strips what is set by then from the answer to an error.
    onHeaders(ctx.res, () => this.#seal())
  }

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
    return this.cookie !== undefined || this.#hasConsent()
  }

  /** Gives the visitor a browser id, which the answer's cookie carries: a new one unless it is told which. */
  remember(browser?: string): Visitor {
    this.#isRemembered = true
    if (this.visitor.browser === undefined) {
      if (this.#ctx.res.headersSent) this.#core.warn(TOO_LATE)
      const visitor = new Visitor(browser ?? newBrowserId(), this.visitor.user)
      this.#recognized = { ...this.#recognized, visitor }
    }
    return this.visitor
  }

  /** Has the answer carry a cookie, whatever the request's own one says. */
  renew(): void {
    this.#isDue = true
  }

  /** Goes on as another user, or as nobody. Resolves when the connections of before are closed. */
  async changeTo(user: Subject | undefined): Promise<void> {
    if (user === this.visitor.user) return
    await this.#become(this.#core.identities.changeHands(this.#departing, user))
  }

  /** Goes on as a stranger, with a new browser id. Resolves when the connections of before are closed. */
  async leave(): Promise<void> {
    await this.#become(this.#core.identities.leave(this.#departing))
  }

  /** Ends the connections under these names, once the answer is out: they come back at once, and shall bring the new cookie. */
  end(names: readonly string[]): void {
    const { connections } = this.#core
    const { res } = this.#ctx
    const end = (): void => void connections.end(connections.of(...names), 'other_subject')
    if (res.closed) end()
    else res.once('close', end)
  }

  #become(recognized: Recognized): Promise<void> {
    const former = this.visitor.user
    this.#recognized = recognized
    return this.#depart(recognized.left, former)
  }

  async #depart(left: readonly string[], user?: Subject): Promise<void> {
    if (left.length === 0) return
    this.#isForsaken = true
    await this.#core.departures.begin(left, user, this.#ctx.res)
  }

  get #departing(): Departing {
    const { browser, user } = this.visitor
    return { browser, user: user && subjectHash(user), registers: this.cookie?.registers ?? [] }
  }

  #seal(): void {
    const { res } = this.#ctx
    if (res.hasHeader('Vary')) this.#ctx.vary('Cookie')
    else res.setHeader('Vary', 'Cookie')
    const hasCookie = this.#needsCookie() && this.#sendCookie()
    if (keepFromSharedCaches(res, hasCookie)) this.#core.warn(NOT_SHARED)
  }

  /** Says whether anything was sent: without consent a cookie is only ever taken away. */
  #sendCookie(): boolean {
    const isKept = this.#hasConsent()
    if (isKept) this.#writeCookie()
    else if (this.#isForsaken) this.#clearCookie()
    return isKept || this.#isForsaken
  }

  #needsCookie(): boolean {
    if (this.#isReserved) return false
    const { cookie, visitor } = this.#recognized
    if (this.#isGivenUp()) return false
    if (this.#isDue || this.#isForsaken) return true
    if (!cookie) return this.#isRemembered
    const { maxAge, clock } = this.#core.settings
    if (cookie.isRetired || cookie.expiresAt - clock() < maxAge / 2) return true
    return this.#core.freshness.absorb(cookie, visitor).isBehind
  }

  /** While this request was under way another one signed out: its answer, being late, must not undo that. */
  #isGivenUp(): boolean {
    const { epochs } = this.#core
    const { cookie, visitor } = this.#recognized
    if (cookie) return !epochs.isCurrent(cookie)
    return visitor.browserSubject !== undefined && epochs.isRetired(visitor.browserSubject)
  }

  #hasConsent(): boolean {
    try {
      return this.#core.settings.consent(this.#ctx)
    } catch (error) {
      this.#core.report(error)
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
    const { cookie, report } = this.#core
    cookie.clear(this.#ctx.req, this.#ctx.res).catch(report)
  }

  #writeCookie(): void {
    const { cookie, freshness, epochs, report } = this.#core
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
      isFirst: this.isCookieless && this.former === undefined,
    }
    this.#checkProxy()
    cookie.write(this.#ctx.req, this.#ctx.res, content).catch(report)
  }
}
