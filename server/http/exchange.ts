import type Koa from 'koa'
import onHeaders from 'on-headers'
import type { Field } from '../../shared/field.js'
import type { Replica } from '../../shared/replica.js'
import { newestOf } from '../../shared/stamp.js'
import type { Core } from '../core.js'
import { RequestFlash } from '../flash/request-flash.js'
import { type BrowserName, nameOf } from '../identity/browser-name.js'
import type { Departing, Recognized } from '../identity/identities.js'
import { isRecent, secondsOf } from '../identity/recent.js'
import type { BrowserSubject, Subject, UserSubject } from '../identity/subject.js'
import type { Visitor, Vouched } from '../identity/visitor.js'
import { type Counted, countedAs } from '../limits/limits.js'
import { type Brought, cookieAction, type Deed, moreOf } from './answer-cookie.js'
import { keepFromSharedCaches } from './cache-control.js'
import { type Former, readable, type VerifiedCookie } from './cookie-text.js'
import { checkHeadersToCome, warnOfLateChange } from './lateness.js'
import { checkProxy } from './proxy.js'
import { renewalOf } from './renewal.js'

/** A request and its answer: whose it is, and what the answer does to the cookie. Begun at the first use of the session. */
export class Exchange {
  readonly #core: Core
  readonly #ctx: Koa.Context
  /** Whether the request brought no live cookie at all: the browser may keep none. */
  readonly isCookieless: boolean
  /** The browser id of a cookie that had been given up before the session was used. */
  readonly givenUp: BrowserSubject | undefined
  readonly #begunAs: UserSubject | undefined
  #recognized: Recognized
  #revocations: number
  #brought: Brought
  /** Its cookie was given up, and `identify` vouches for another than its user: what it sets could be meant for no visitor of now. */
  #isLate: boolean
  #deed: Deed = 'reads'
  /** When the visitor's browser id was made, if for a request without a live cookie: seconds since 1970. */
  #born: number | undefined
  #flash: RequestFlash | undefined

  /** @throws {TypeError} where the headers have gone out: they were to say that the answer is for one visitor */
  constructor(core: Core, ctx: Koa.Context, { user, revocations }: Vouched) {
    checkHeadersToCome(ctx.res, 'ctx.liveSession was first used')
    this.#core = core
    this.#ctx = ctx
    const cookie = core.cookie.read(ctx.req.headers.cookie, user)
    this.#begunAs = user
    this.isCookieless = cookie === undefined
    this.#recognized = core.identities.recognize(cookie, user)
    this.#brought = this.#recognized.relation
    const read = readable(cookie)
    this.givenUp = this.#brought === 'given-up' ? read?.browserSubject : undefined
    this.#isLate = this.givenUp !== undefined && (user === undefined || read?.user !== this.visitor.userSub)
    this.#born = this.#brought === 'none' ? secondsOf(core.settings.clock()) : this.cookie?.born
    this.#revocations = revocations
    if (this.#recognized.toEnd.length > 0) void this.#depart(this.#recognized.toEnd)
    // As the headers go out, not before: Koa strips what is set by then from the answer to an error.
    onHeaders(ctx.res, () => this.#seal())
  }

  /** Tells the app of an error that no code awaits. */
  readonly report = (error: unknown): void => this.#core.report(error, this.#ctx)

  /** Made at its first use: few requests have anything to say or to take. */
  get flash(): RequestFlash {
    this.#flash ??= new RequestFlash(this.#core, this, this.#ctx.res)
    return this.#flash
  }

  get visitor(): Visitor {
    return this.#recognized.visitor
  }

  /** Whether the visitor is still whom `identify` named as the request began. */
  get isAsBegun(): boolean {
    return this.visitor.user === this.#begunAs
  }

  /** The request's own cookie, where it is this visitor's. */
  get cookie(): VerifiedCookie | undefined {
    return this.#recognized.cookie
  }

  /** The guest that this browser was before its user signed in. */
  get former(): Former | undefined {
    return this.#recognized.former
  }

  /** How the page may name its browser: with the cookie that it has, or gets with this answer. */
  get name(): BrowserName {
    const isKept = this.cookie ? this.#hasConsent() : this.#action() === 'write'
    const { clock, maxAge } = this.#core.settings
    return { ...nameOf(this.visitor, isKept, this.#born, clock()), ...renewalOf(this.#ctx, maxAge) }
  }

  /** Whose limits count for what its browser asks. */
  get counted(): Counted {
    return countedAs(this)
  }

  /** The replica that a field of the visitor is in, where there is one. */
  replica(field: Field): Replica | undefined {
    const { cookie, visitor } = this.#recognized
    return this.#core.freshness.replica(field, visitor, cookie?.comparison)
  }

  /** Whether the browser id that the request came with was given up by another, or its user revoked, before it began or since. */
  get isSuperseded(): boolean {
    const { epochs } = this.#core
    const { browserSubject, userSub } = this.visitor
    if (userSub !== undefined && epochs.isRevokedSince(userSub, this.#revocations)) return true
    return this.#isLate || epochs.isGivenUp(browserSubject) || this.#isGivenUpSince
  }

  /** A browser id that had been given up before was given up once more. */
  get #isGivenUpSince(): boolean {
    return this.givenUp !== undefined && this.#core.epochs.isRevokedSince(this.givenUp, this.#revocations)
  }

  /** All subjects that count where the request goes on as another visitor. */
  candidates(user: UserSubject | undefined): readonly Subject[] {
    return this.#core.identities.candidates([this.#departing], user)
  }

  /** Takes note of what the request does with the session. */
  does(deed: Deed): void {
    const isTooLate = deed !== 'reads' && this.cookie === undefined && this.#ctx.res.headersSent
    if (isTooLate && this.#action() !== 'write') warnOfLateChange(this.#core.warn)
    this.#deed = moreOf(this.#deed, deed)
  }

  /** Goes on as another user, or as a guest. Resolves when the connections of before are closed. */
  async changeTo({ user, revocations }: Vouched): Promise<void> {
    if (user === this.visitor.user && !this.#isRevoked) this.does('shows')
    else await this.#become(this.#core.identities.changeHands(this.#departing, user), revocations)
  }

  /** Goes on as a guest: of a user what is the browser's own stays, unless all is to be forgotten. Resolves as `changeTo`. */
  async leave(isForgotten: boolean): Promise<void> {
    const { epochs, identities } = this.#core
    const { revocations } = epochs
    if (this.visitor.user !== undefined && !isForgotten) {
      await this.#become(identities.changeHands(this.#departing, undefined), revocations)
      return
    }
    const done = this.#become(identities.forget(this.#departing), revocations)
    // Where it brought no cookie of this visitor there is none to take away; what comes later may be another's.
    if (this.#brought === 'given-up') this.#brought = 'none'
    if (this.#brought !== 'none' && this.#brought !== 'newer') this.#brought = 'forgotten'
    this.#deed = this.#flash?.hasSaid ? 'sets' : 'reads'
    await done
  }

  /** Whether the user was revoked since the request's own cookie was read. Who signs in again needs another. */
  get #isRevoked(): boolean {
    const { epochs } = this.#core
    return this.cookie !== undefined && !epochs.isGivenUp(this.cookie.browserSubject) && !epochs.isCurrent(this.cookie)
  }

  #become(recognized: Recognized, revocations: number): Promise<void> {
    const { user: lastUser } = this.visitor
    this.#recognized = recognized
    this.#flash?.leave()
    this.#revocations = revocations
    this.#isLate = false
    this.#born = undefined
    if (this.#brought === 'own') this.#brought = 'other'
    this.does('renews')
    return this.#depart(recognized.toEnd, lastUser)
  }

  async #depart(names: readonly string[], user?: UserSubject): Promise<void> {
    if (names.length > 0) await this.#core.departures.begin(names, user, this.#ctx.res)
  }

  get #departing(): Departing {
    const { browser, userSub: user } = this.visitor
    return { browser, user, registers: this.cookie?.registers ?? [] }
  }

  #seal(): void {
    const { res } = this.#ctx
    this.#flash?.seal()
    if (res.hasHeader('Vary')) this.#ctx.vary('Cookie')
    else res.setHeader('Vary', 'Cookie')
    const action = this.#action()
    if (action === 'write') this.#writeCookie()
    if (action === 'clear') this.#core.cookie.clear(this.#ctx.req, res).catch(this.report)
    keepFromSharedCaches(res, action !== 'keep' || this.#flash?.isShown === true, this.#core.warn)
  }

  #action(): ReturnType<typeof cookieAction> {
    const { epochs } = this.#core
    return cookieAction({
      brought: this.#brought,
      deed: this.#deed,
      // Another request has signed the visitor out, in, or over to another user: being late, this answer must not undo that.
      hasEnded: epochs.hasEnded(this.#recognized, this.#revocations) || this.#isGivenUpSince,
      isStale: this.#isStale(),
      hasConsent: () => this.#hasConsent(),
    })
  }

  #isStale(): boolean {
    const { cookie, visitor } = this.#recognized
    if (!cookie) return false
    const { maxAge, clock } = this.#core.settings
    const left = cookie.expiresAt - clock()
    // More than there can be is of a clock that ran ahead.
    // What is shown once is another by now.
    const isBehind = this.#flash?.hasSaid || this.#core.flashes.hasTaken(cookie.flash ?? [])
    if (isBehind || cookie.isRetired || left < maxAge / 2 || left > maxAge) return true
    return this.#core.freshness.absorb(cookie, visitor).isOutdated
  }

  #hasConsent(): boolean {
    return this.#core.hasConsent(this.#ctx)
  }

  /** As the cookie is to say it: with what was brought along since. */
  get #formerNow(): Former | undefined {
    const { former } = this
    if (!former || !isRecent(former.since, this.#core.settings.clock())) return undefined
    return { ...former, stamp: newestOf([former.stamp, this.#core.login.joined(former.sub)]) }
  }

  #writeCookie(): void {
    const { cookie, freshness, epochs, newborns, settings } = this.#core
    const { visitor } = this
    const former = this.#formerNow
    // Memory may have forgotten the visitor since the request began, which must not make the cookie poorer.
    if (this.cookie) freshness.absorb(this.cookie, visitor)
    const isYoung = this.#born !== undefined && isRecent(this.#born, settings.clock())
    const content = {
      browser: visitor.browser,
      user: visitor.userSub,
      former,
      // There is no room for both.
      born: isYoung && !former ? this.#born : undefined,
      epoch: epochs.of(visitor.userSub),
      registers: freshness.registers(visitor, this.cookie),
    }
    const flash = this.flash.inCookie(content.registers)
    if (isYoung && !this.cookie) newborns.add(visitor.browserSubject)
    checkProxy(this.#core, this.#ctx)
    cookie.write(this.#ctx.req, this.#ctx.res, { ...content, flash }).catch(this.report)
  }
}
