import type Koa from 'koa'
import onHeaders from 'on-headers'
import type { Field } from '../../shared/field.js'
import type { Awaitable } from '../../shared/promise.js'
import type { Replica } from '../../shared/replica.js'
import { readable, readableStamps, type VerifiedCookie } from '../cookie/content.js'
import type { Core } from '../core.js'
import type { ResponseContext, ResponseHook } from '../feature.js'
import { cookieAction, higherUse, type SessionUse } from '../identity/cookie-status.js'
import type { Identified, PageIdentity, PreviousVisitor, VisitorWithCookie } from '../identity/identities.js'
import { renewalOf, whoOf } from '../identity/who.js'
import { browserSubject, subjectHash, type UserSubject } from '../subjects/subject.js'
import type { IdentifiedUser, Visitor } from '../subjects/visitor.js'
import { keepFromSharedCaches } from './cache-control.js'
import { RevokedSince, usedLate, warnOfLateChange } from './late-requests.js'
import { isWithheldFrom } from './origin.js'
import { clearUnseenPages } from './page-load.js'

/** A request and its response: identifies the visitor, and decides about the response's cookie. Created at the first use of the session. */
export class Visit implements PageIdentity, ResponseContext {
  readonly #core: Core
  readonly #ctx: Koa.Context
  readonly #since: RevokedSince
  readonly #begunAs: UserSubject | undefined
  #identification: Identified
  #use: SessionUse = 'reads'
  #hooks: readonly ResponseHook[] = []
  /** Whether the browser's visitor leaves with this request. */
  #isVisitorLeaving = false

  /** @throws {TypeError} if the headers were sent already, because they must keep shared caches from the response */
  constructor(core: Core, ctx: Koa.Context, identifiedUser: IdentifiedUser, identified?: Identified) {
    const { user } = identifiedUser
    if (ctx.res.headersSent) throw usedLate('ctx.liveSession was first used')
    const identification = identified ?? core.identities.recognize(core.cookie.read(ctx.req, user), user)
    this.#core = core
    this.#ctx = ctx
    this.#begunAs = user
    const isWithheld = (): boolean => isWithheldFrom(ctx, core.settings)
    this.#identification = core.identities.admit(identification, user, ctx.req, isWithheld)
    const brought = readable(identification.receivedCookie)
    this.#since = new RevokedSince(
      core.revocations,
      identification.receivedCookie,
      this.#identification,
      identifiedUser,
    )
    if (this.#identification.toClose.length > 0) {
      this.#isVisitorLeaving = brought?.user !== undefined && brought.user !== this.visitor.userSub
      void this.#depart(this.#identification.toClose)
    }
    // Runs just before sending, because Koa removes earlier headers from an error response.
    onHeaders(ctx.res, this.#beforeHeaders)
  }

  addHook(hook: ResponseHook): void {
    this.#hooks = [...this.#hooks, hook]
  }

  findHook<P extends ResponseHook>(kind: new (...given: never[]) => P): P | undefined {
    return this.#hooks.find((hook) => hook instanceof kind) as P | undefined
  }

  get visitor(): Visitor {
    return this.#identification.visitor
  }

  /** Whether the visitor is still the user named by `identify` at the start of the request. */
  get isAsBegun(): boolean {
    return this.visitor.user === this.#begunAs
  }

  /** The request's own cookie, if it belongs to this visitor. */
  get cookie(): VerifiedCookie | undefined {
    return this.#identification.cookie
  }

  get hasCookie(): boolean {
    return this.cookie !== undefined && this.#core.hasConsent(this.#ctx)
  }

  /** Whether the browser has a cookie with its id, or gets it with this response. */
  get hasId(): boolean {
    return this.cookie ? this.hasCookie : this.#action() === 'write'
  }

  /** Whether the response announces the retirement of the cookie's id, without a new cookie: the next request may get a new cookie. */
  get isAnnouncingRetirement(): boolean {
    return this.#action() === 'announce'
  }

  /** Whether the browser may have withheld its cookie. The page then learns its identity in its first exchange. */
  get isWithheld(): boolean {
    return this.#identification.cookieStatus === 'withheld'
  }

  /** Whether the owner of values with this scope is known: with a withheld cookie, only the account is known. */
  knowsOwner(scope: Field['scope']): boolean {
    return !this.isWithheld || (scope === 'user' && this.visitor.user !== undefined)
  }

  /** Uses the epoch of the request's own cookie: a newer epoch applies from the next request. */
  get who(): string | undefined {
    const { cookie, visitor } = this.#identification
    if (this.isWithheld) return undefined
    return whoOf(visitor, this.hasId, cookie?.epoch ?? this.#core.revocations.of(visitor.userSub))
  }

  get cookieStamps(): PageIdentity['cookieStamps'] {
    return readableStamps(this.cookie, this.#core.settings.fields)
  }

  get renew(): number | undefined {
    return renewalOf(this.#ctx, this.#core.settings.maxAge)
  }

  /** Returns the replica with a field of the visitor, if any. */
  replica(field: Field): Replica | undefined {
    const { cookie, visitor } = this.#identification
    if (field.scope === 'tab') return undefined
    // Memory may have evicted values since the request began; the cookie still has them.
    return cookie
      ? this.#core.cookieValues.ensureMerged(cookie, visitor)[field.scope]
      : this.#core.subjects.find(visitor.subject(field))
  }

  /** Whether another request retired the browser id, or the user was revoked, before or during this request. */
  get isSuperseded(): boolean {
    return this.#since.isSuperseded(this.#identification)
  }

  /** Loads all subjects involved in continuing as another visitor. */
  load(user: UserSubject | undefined): Awaitable<unknown> {
    const { retiredCookie } = this.#since
    return loadSubjects(this.#core, retiredCookie ? [this.#previous, retiredCookie] : [this.#previous], user)
  }

  /** Records how the request uses the session. */
  markUse(use: SessionUse): void {
    const isTooLate = use !== 'reads' && this.cookie === undefined && this.#ctx.res.headersSent
    if (isTooLate && this.#action() !== 'write') warnOfLateChange(this.#core.warn)
    this.#use = higherUse(this.#use, use)
  }

  /** Continues as another user, or as a guest. Resolves when the former visitor's connections are closed. */
  async changeTo({ user, revision }: IdentifiedUser): Promise<void> {
    // After a revocation, even the same user needs a new cookie.
    if (user === this.visitor.user && this.#since.standing(this.#identification) !== 'revoked') {
      this.markUse('shows')
      return
    }
    const rejoined = this.#followed(user)
    await this.#continueAs(rejoined ?? this.#rotated(user), revision, rejoined !== undefined)
  }

  #followed(user: UserSubject | undefined): Identified | undefined {
    const { retiredCookie } = this.#since
    return retiredCookie && this.#core.identities.followRotation(retiredCookie, user, this.#ctx.req)
  }

  #rotated(user: UserSubject | undefined): Identified {
    const { cookieStatus } = this.#identification
    return this.#core.identities.rotate(this.#previous, user, cookieStatus)
  }

  /** Continues as a guest. After a user, the browser's own values stay, unless all should be forgotten. Resolves as `changeTo` does. */
  async leave(isForgotten: boolean): Promise<void> {
    const { revocations, identities } = this.#core
    const { revision } = revocations
    this.#isVisitorLeaving = true
    if (this.visitor.user !== undefined && !isForgotten) {
      await this.#continueAs(this.#rotated(undefined), revision)
      return
    }
    const done = this.#continueAs(identities.forget(this.#previous, this.#identification.cookieStatus), revision)
    this.#use = this.#hasNewContent ? 'sets' : 'reads'
    await done
  }

  #continueAs(identification: Identified, revision: number, isFollowing = false): Promise<void> {
    const { user: lastUser } = this.visitor
    this.#identification = identification
    if (lastUser !== undefined && lastUser !== identification.visitor.user) this.#isVisitorLeaving = true
    for (const hook of this.#hooks) hook.visitorChanged()
    this.#since.restart(revision, isFollowing)
    this.markUse('renews')
    return this.#depart(identification.toClose, lastUser)
  }

  async #depart(names: readonly string[], user?: UserSubject): Promise<void> {
    if (names.length > 0) await this.#core.pendingRotations.closeConnections(names, user, this.#ctx.res)
  }

  get #previous(): PreviousVisitor {
    const { browser, userSub: user } = this.visitor
    return { browser, user, registers: this.cookie?.registers ?? [] }
  }

  readonly #beforeHeaders = (): void => {
    const { res } = this.#ctx
    for (const hook of this.#hooks) hook.beforeHeaders()
    if (res.hasHeader('Vary')) this.#ctx.vary('Cookie')
    else res.setHeader('Vary', 'Cookie')
    const action = this.#action()
    const report = (error: unknown): void => this.#core.report(error, this.#ctx)
    if (action === 'write') writeCookie(this.#core, this.#ctx, this.#identification).catch(report)
    if (action === 'clear') this.#core.cookie.clear(this.#ctx.req, res).catch(report)
    if (action === 'announce') this.#core.cookie.announceRetirement(this.#ctx.req, res, this.#since.retirementNotice)
    const isOneTime = action !== 'keep' || this.#hooks.some((hook) => hook.isOneTime)
    keepFromSharedCaches(res, isOneTime, this.#core.warn)
    if (this.#isVisitorLeaving) clearUnseenPages(this.#ctx)
  }

  #action(): ReturnType<typeof cookieAction> {
    const { memo } = this.#identification.cookie ?? {}
    return cookieAction({
      cookieStatus: this.#identification.cookieStatus,
      use: this.#use,
      standing: memo ? 'current' : this.#since.standing(this.#identification),
      // A renewing request writes the cookie anyway.
      isStale: this.#use !== 'renews' && (this.#hasNewContent || isStale(this.#core, this.#identification)),
      hasConsent: () => this.#core.hasConsent(this.#ctx),
    })
  }

  get #hasNewContent(): boolean {
    return this.#hooks.some((hook) => hook.hasNewContent)
  }
}

/** Returns whether the visitor's own cookie is incomplete or about to expire. */
function isStale(core: Core, { cookie, visitor }: VisitorWithCookie): boolean {
  if (!cookie) return false
  const { maxAge, clock } = core.settings
  const remaining = cookie.expiresAt - clock()
  // More than `maxAge` is left only after a clock ran ahead.
  if (cookie.hasOldKey || remaining < maxAge / 2 || remaining > maxAge) return true
  if (cookie.members && core.cookieMembers.isOutdated(cookie.members)) return true
  return cookie.memo?.isOutdated ?? core.cookieValues.isOutdated(cookie, visitor)
}

/** Writes a cookie with the visitor's newest values, as far as they fit. Resolves when the cookie is written. */
function writeCookie(core: Core, ctx: Koa.Context, { cookie: brought, visitor }: VisitorWithCookie): Promise<void> {
  const { cookie, cookieMembers, revocations, cookieValues } = core
  // Memory may have evicted the visitor since the request began: merge the request's cookie first, so that no value is lost.
  if (brought) cookieValues.ensureMerged(brought, visitor)
  const registers = cookieValues.registers(visitor, brought)
  const members = cookieMembers.write(visitor.browserSubject, brought?.members, () =>
    cookieValues.spaceForMembers(registers),
  )
  const content = {
    browser: visitor.browser,
    user: visitor.userSub,
    ...revocations.signed(visitor.user, visitor.userSub),
    registers,
    ids: cookieValues.ids(registers, members),
    members,
  }
  checkProxy(core, ctx)
  return cookie.write(ctx.req, ctx.res, content)
}

const OVER_HTTP = 'but this server thinks that the request came over http. Behind a proxy set app.proxy = true.'

/** Warns if the server mistakes https for http: cookies would lack Secure, and every page's origin would look foreign. */
function checkProxy({ settings, warn }: Core, ctx: Koa.Context): void {
  if (ctx.secure) return
  if (settings.cookie.secure)
    warn(`secure is true, ${OVER_HTTP} In development: secure: process.env.NODE_ENV === 'production'.`)
  else if (ctx.get('X-Forwarded-Proto') === 'https') warn(`X-Forwarded-Proto says https, ${OVER_HTTP}`)
}

/**
 * Loads all subjects involved in a request: at a sign-in also the new browser id, which another process may have used or retired. Before
 * an id rotation, reloads even fresh subjects, so that the transfer includes the newest writes of other processes, and happens only once.
 */
export function loadSubjects(
  { revocations, identities, store }: Core,
  departing: readonly Pick<PreviousVisitor, 'browser' | 'user'>[],
  user: UserSubject | undefined,
): Awaitable<unknown> {
  const subjects = identities.subjectsToLoad(departing, user)
  const sub = user && subjectHash(user)
  const isChanging = departing.some(({ browser, user: former }) => {
    return former !== sub && !revocations.isRetired(browserSubject(browser))
  })
  return isChanging ? store?.refresh(subjects) : store?.loadIfStale(subjects)
}
