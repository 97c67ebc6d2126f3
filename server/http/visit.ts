// Decides, during a request, who its visitor is and what the response does with the cookie.

import type Koa from 'koa'
import onHeaders from 'on-headers'
import type { Field } from '../../shared/field.js'
import type { Awaitable } from '../../shared/promise.js'
import { readable, readables, type VerifiedCookie } from '../cookie/content.js'
import type { ResponseContext, ResponseHook } from '../feature.js'
import { type CookieStatus, cookieAction, higherUse, type SessionUse } from '../identity/cookie-status.js'
import type { PageIdentity, RequestIdentity } from '../identity/identified.js'
import type { Parts } from '../parts.js'
import type { UserSubject } from '../subjects/subject.js'
import type { IdentifiedUser, Visitor } from '../subjects/visitor.js'
import type { Arrival } from './arrivals.js'
import { keepFromSharedCaches } from './cache-control.js'
import { type Lateness, warnOfLateChange, warnOfLateRead } from './late-requests.js'
import { isWithheldFrom } from './origin.js'
import { clearUnseenPages } from './page-load.js'

/** The statuses in which the received cookie is not that of the request's visitor, but a sign-in may still continue with it. */
const NOT_PREVIOUS: readonly CookieStatus[] = ['retired', 'withheld']

type VisitParts = Pick<Parts, 'arrivals' | 'cookieWriter' | 'endings' | 'identities' | 'pageIdentities' | 'settings'>

/** A request and its response: identifies the visitor, and decides about the response's cookie. Created at the first use of the session. */
export class Visit implements PageIdentity, ResponseContext {
  readonly #parts: VisitParts
  readonly #ctx: Koa.Context
  readonly #lateness: Lateness
  readonly #arrival: Arrival
  /** The identity as the request brought it. */
  readonly #received: RequestIdentity
  #identity: RequestIdentity
  #use: SessionUse = 'reads'
  #hooks: readonly ResponseHook[] = []
  /** Whether the browser's visitor leaves with this request. */
  #isVisitorLeaving = false
  /** Whether the visit only answers reads, as of a log: the headers were sent before the first use, or the visitor is unknown. */
  readonly isReadOnly: boolean

  /** Decides who the visitor is; `begin` acts. */
  constructor(parts: VisitParts, ctx: Koa.Context, arrival: Arrival) {
    const { user } = arrival
    this.#parts = parts
    this.#ctx = ctx
    this.#arrival = arrival
    this.isReadOnly = ctx.res.headersSent || this.isUnknown
    this.#received = arrival.recognized ?? parts.arrivals.recognize(ctx.req, user)
    this.#identity = this.isReadOnly ? this.#received : this.#rotateIfDue(this.#received, user)
    this.#lateness = parts.arrivals.latenessOf(this.#received, this.#identity, arrival)
  }

  /** Adopts the cookie, retires the ids that the request ends, and adds the response's headers. Called once, before any use. */
  begin(): this {
    const { res } = this.#ctx
    this.#parts.arrivals.adopt(this.#received)
    if (this.isReadOnly) {
      if (res.headersSent) warnOfLateRead(this.#parts.settings.warn)
      return this
    }
    const { arrivals, identities, endings } = this.#parts
    const toClose = identities.depart(this.#identity)
    arrivals.check(this.#received, this.#arrival, this)
    if (toClose.length > 0) {
      const { user } = readable(this.#received.receivedCookie) ?? {}
      this.#isVisitorLeaving = user !== undefined && user !== this.visitor.userSub
      void endings.rotate(toClose, undefined, res)
    }
    // Sets headers just before they are sent, because Koa removes earlier headers from an error response.
    onHeaders(res, this.#beforeHeaders)
    return this
  }

  /** Whether the visitor was unknown at the first use. */
  get isUnknown(): boolean {
    return this.#arrival.isUnknown === true
  }

  addHook(hook: ResponseHook): void {
    this.#hooks = [...this.#hooks, hook]
  }

  findHook<P extends ResponseHook>(kind: new (...given: never[]) => P): P | undefined {
    return this.#hooks.find((hook) => hook instanceof kind) as P | undefined
  }

  get visitor(): Visitor {
    return this.#identity.visitor
  }

  /** Whether the visitor is still the user named by `identify` at the start of the request. */
  get isAsBegun(): boolean {
    return this.visitor.user === this.#arrival.user
  }

  /** The request's own cookie, if it belongs to this visitor. */
  get cookie(): VerifiedCookie | undefined {
    return this.#identity.cookie
  }

  get hasCookie(): boolean {
    return this.cookie !== undefined && this.#parts.pageIdentities.hasConsent(this.#ctx)
  }

  /** Whether the browser has a cookie with its id, or gets one with this response. */
  get hasId(): boolean {
    return this.cookie ? this.hasCookie : this.#action() === 'write'
  }

  /**
   * Whether the response announces that the cookie's id is retired. The announcing response brings no new cookie; the next response may.
   */
  get isAnnouncingRetirement(): boolean {
    return this.#action() === 'announce'
  }

  /** Whether the browser may have withheld its cookie. The page then learns its identity in its first exchange. */
  get isWithheld(): boolean {
    return this.#identity.cookieStatus === 'withheld'
  }

  /** Whether the owner of values with this scope is known. If the cookie is withheld, only the user is known, not the browser. */
  knowsOwner(scope: Field['scope']): boolean {
    return !this.isWithheld || (scope === 'user' && this.visitor.user !== undefined)
  }

  /** Derives `who` from the epoch in the request's own cookie. A newer epoch applies from the next request. */
  get who(): string | undefined {
    const { cookie, visitor } = this.#identity
    if (this.isWithheld) return undefined
    return this.#parts.pageIdentities.whoOf(visitor, this.hasId, cookie?.epoch)
  }

  get cookieStamps(): PageIdentity['cookieStamps'] {
    return this.#parts.pageIdentities.stampsOf(this.cookie)
  }

  get renew(): number | undefined {
    return this.#parts.pageIdentities.renewalOf(this.#ctx)
  }

  /** Whether another request retired the browser id, or the user was revoked, before or during this request. */
  get isSuperseded(): boolean {
    return this.#lateness.isSuperseded(this.#identity)
  }

  /** Asks the app for the user once more. */
  identify(): Awaitable<IdentifiedUser> {
    return this.#parts.arrivals.identify(this.#ctx)
  }

  /** Loads all subjects needed to continue as another visitor. */
  load(user: UserSubject | undefined): Awaitable<unknown> {
    const received = NOT_PREVIOUS.includes(this.#identity.cookieStatus) ? readables(this.#identity.receivedCookie) : []
    return this.#parts.arrivals.load(this.#ctx, [this.#previous, ...received], user)
  }

  markUse(use: SessionUse): void {
    if (this.isReadOnly) return
    const isTooLate = use !== 'reads' && this.cookie === undefined && this.#ctx.res.headersSent
    if (isTooLate && this.#action() !== 'write') warnOfLateChange(this.#parts.settings.warn)
    this.#use = higherUse(this.#use, use)
  }

  /** Continues as another user, or as a guest. Resolves when the former visitor's connections are closed. */
  async changeTo({ user, revision }: IdentifiedUser): Promise<void> {
    // After a revocation, even the same user needs a new cookie.
    if (user === this.visitor.user && this.#lateness.validity(this.#identity) !== 'revoked') {
      this.markUse('shows')
      return
    }
    const followed = this.#followed(user)
    await this.#continueAs(followed ?? this.#rotated(user), revision, followed !== undefined)
  }

  #followed(user: UserSubject | undefined): RequestIdentity | undefined {
    const { retiredCookie } = this.#lateness
    return retiredCookie && this.#parts.identities.followRotation(retiredCookie, user, this.#ctx.req)
  }

  #rotated(user: UserSubject | undefined): RequestIdentity {
    const { arrivals, identities } = this.#parts
    const { cookieStatus, receivedCookie } = this.#identity
    if (cookieStatus !== 'withheld' || !receivedCookie || user === undefined)
      return identities.rotate(this.#previous, user, cookieStatus)
    // The app itself names the user here, so the cookie counts although the browser may have withheld the app's session.
    const recognized = arrivals.recognize(this.#ctx.req, user)
    arrivals.adopt(recognized)
    return this.#rotateIfDue(recognized, user)
  }

  #rotateIfDue(identity: RequestIdentity, user: UserSubject | undefined): RequestIdentity {
    const { identities, settings } = this.#parts
    return identities.rotateIfDue(identity, user, this.#ctx.req, (what) => isWithheldFrom(this.#ctx, settings, what))
  }

  /**
   * Continues as a guest. When a user leaves, keeps the browser's own values unless `isForgotten`. Resolves when the former visitor's
   * connections are closed.
   */
  async leave(isForgotten: boolean): Promise<void> {
    const { arrivals, identities } = this.#parts
    const { revision } = arrivals
    this.#isVisitorLeaving = true
    if (this.visitor.user !== undefined && !isForgotten) {
      await this.#continueAs(this.#rotated(undefined), revision)
      return
    }
    const isUsed = this.#use === 'sets' || this.#use === 'renews'
    const done = this.#continueAs(identities.forget(this.#previous, this.#identity.cookieStatus, isUsed), revision)
    this.#use = this.#hasNewContent ? 'sets' : 'reads'
    await done
  }

  async #continueAs(identity: RequestIdentity, revision: number, isFollowing = false): Promise<void> {
    const { user: lastUser } = this.visitor
    const toClose = this.#parts.identities.depart(identity)
    this.#identity = identity
    if (lastUser !== undefined && lastUser !== identity.visitor.user) this.#isVisitorLeaving = true
    for (const hook of this.#hooks) hook.visitorChanged()
    this.#lateness.restart(revision, isFollowing)
    this.markUse('renews')
    if (toClose.length > 0) await this.#parts.endings.rotate(toClose, lastUser, this.#ctx.res)
  }

  get #previous() {
    const { browser, userSub: user } = this.visitor
    return { browser, user, registers: this.cookie?.registers ?? [] }
  }

  readonly #beforeHeaders = (): void => {
    const { res } = this.#ctx
    for (const hook of this.#hooks) hook.beforeHeaders()
    if (res.hasHeader('Vary')) this.#ctx.vary('Cookie')
    else res.setHeader('Vary', 'Cookie')
    const action = this.#action()
    this.#parts.cookieWriter.act(action, this.#ctx, this.#identity, this.#lateness)
    const isOneTime = action !== 'keep' || this.#hooks.some((hook) => hook.isOneTime)
    keepFromSharedCaches(res, isOneTime, this.#parts.settings.warn)
    if (this.#isVisitorLeaving) clearUnseenPages(this.#ctx)
  }

  #action(): ReturnType<typeof cookieAction> {
    const { memo } = this.#identity.cookie ?? {}
    return cookieAction({
      cookieStatus: this.#identity.cookieStatus,
      use: this.#use,
      validity: memo ? 'current' : this.#lateness.validity(this.#identity),
      // A use `renews` writes the cookie anyway.
      isDue: this.#use !== 'renews' && (this.#hasNewContent || this.#parts.cookieWriter.isDue(this.#identity)),
      hasConsent: () => this.#parts.pageIdentities.hasConsent(this.#ctx),
    })
  }

  get #hasNewContent(): boolean {
    return this.#hooks.some((hook) => hook.hasNewContent)
  }
}
