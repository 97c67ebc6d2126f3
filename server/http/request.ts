// Implements `ctx.liveSession`: values, snapshot, `embed()`, and changes of the visitor by `identify()` and `leave()`.

import type Koa from 'koa'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { escapeUnit } from '../../shared/json.js'
import { type Awaitable, after, allOf } from '../../shared/promise.js'
import { type AnySnapshot, EMBED_ID } from '../../shared/protocol.js'
import type { Replica } from '../../shared/replica.js'
import { visitorLeft } from '../ends/validity.js'
import { Handle, type HandleParts } from '../exchange/handle.js'
import type { RequestUse } from '../feature.js'
import { isTransferred } from '../identity/value-transfer.js'
import type { Parts } from '../parts.js'
import { tracked } from '../settings/report.js'
import { type Sub, subjectHash } from '../subjects/subject.js'
import type { IdentifiedUser } from '../subjects/visitor.js'
import type { Owner } from '../values/values.js'
import { isUncaught } from './headers-sent.js'
import { usedLate } from './late-requests.js'
import type { Snapshots } from './snapshots.js'
import type { Visit } from './visit.js'

const EMBEDDED_TWICE =
  'embed() was called twice for one response: expected once, because a page uses neither of two such scripts'

const EMBED_UNCALLED = 'koa-live-session: embed was put into a page without a call: expected ctx.liveSession.embed()'

/** Describes a guest's value that a sign-in did not transfer. */
function describeLeft(key: string): string {
  return (
    `"${key}" was set before identify(), as a guest's value, and did not go to the account: expected set after ` +
    "await ctx.liveSession.identify(). Only fields that a guest's page may set go along"
  )
}
/** The data of features, such as flash messages, belongs to the browser. */
const BROWSER_SCOPE: readonly Pick<Field, 'scope'>[] = [{ scope: 'browser' }]
const WITHHELD =
  'this request comes from another site, without a live cookie or its user, so the owner of this value is unknown: set it in the next request'
const LEAVE_FIRST =
  '. A route that calls live.revoke or live.erase for its own visitor calls await ctx.liveSession.leave() next'

export interface RequestParts extends HandleParts, Pick<Parts, 'cookieValues' | 'ends' | 'features'> {
  readonly snapshots: Snapshots
}

const TOO_SOON =
  'koa-live-session: a change before live.middleware() knew the visitor, as by a timer, or in a log of a request that has failed: ' +
  'expected it after the middleware, in a route'

/** `ctx.liveSession`: the values of the visitor who made the request. */
export class RequestHandle extends Handle {
  protected override readonly source = 'request'
  readonly #parts: RequestParts
  readonly #ctx: Koa.Context
  readonly #begin: () => Visit
  /** The fields that this request has written since its last sign-in or `leave`. */
  #written: Set<Field> | undefined
  #isEmbedded = false
  /** The visit, from the first use on. */
  #begun: Visit | undefined

  /** @param begin returns the visit, which the first use begins */
  constructor(parts: RequestParts, ctx: Koa.Context, begin: () => Visit) {
    super(parts, parts.values.requestFields)
    this.#parts = parts
    this.#ctx = ctx
    this.#begin = begin
  }

  /** Begins the visit at the first use. Reading `ctx.liveSession` alone has no effect. */
  get #visit(): Visit {
    this.#begun ??= this.#begin()
    return this.#begun
  }

  /** The visit, for a use that may change the response. @throws {TypeError} if the visit only answers reads */
  get #openVisit(): Visit {
    const visit = this.#visit
    if (visit.isUnknown) throw new TypeError(TOO_SOON)
    if (visit.isReadOnly) throw usedLate('ctx.liveSession was first used')
    return visit
  }

  get visitorId(): Sub | undefined {
    const { visitor, hasId } = this.#visit
    return visitor.id(hasId)
  }

  get userId(): string | undefined {
    return this.#visit.visitor.userId
  }

  /** Returns the readable values with their stamps, for the browser's first render. */
  snapshot(): AnySnapshot {
    const visit = this.#visit
    visit.markUse('shows')
    const snapshot = this.#parts.snapshots.of(this.#ctx, visit)
    if (!visit.isReadOnly) for (const feature of this.#parts.features) feature.snapshot?.(this.#use(), snapshot)
    return snapshot
  }

  /** Returns the snapshot as an inert script element, which needs no CSP nonce. Escapes the values, so that none can end the element. */
  embed(): string {
    if (this.#isEmbedded) this.#parts.settings.warn(EMBEDDED_TWICE)
    this.#isEmbedded = true
    // Unescaped, <, > and & could end the element or begin a comment. Older JavaScript parsers read U+2028 and U+2029 as line ends.
    const json = JSON.stringify(this.snapshot()).replace(/[<>&\u2028\u2029]/g, escapeUnit)
    return `<script type="application/json" id="${EMBED_ID}">${json}</script>`
  }

  identify(): Promise<void> {
    return tracked(async () => {
      // Begins the visit before reading the revision: revocations by this call must not count as concurrent.
      const visit = this.#openVisit
      await this.#continueAs(await visit.identify())
    }, this.report)
  }

  async #continueAs(named: IdentifiedUser): Promise<void> {
    const visit = this.#visit
    const { user } = named
    await visit.load(user)
    const isSignIn = user !== undefined && visit.visitor.user === undefined
    await Promise.all([user !== visit.visitor.user && this.#changeUser(named), visit.changeTo(named)])
    if (isSignIn) this.#warnOfLeaving()
  }

  /** @throws any refusal by a feature */
  #changeUser(named?: IdentifiedUser): Awaitable<unknown> {
    const { user } = named ?? {}
    const isRevoked = named && user && this.#parts.ends.validityOfUser(subjectHash(user), named.revision) === 'revoked'
    return allOf(
      this.#parts.features.map(({ changesUser }) => changesUser?.(this.#ctx, this.#visit, user, isRevoked === true)),
    )
  }

  leave({ forget = false }: { readonly forget?: boolean } = {}): Promise<void> {
    this.#written = undefined
    return tracked(() => {
      const visit = this.#openVisit
      // After a user, the browser's own values stay: loads other processes' newest writes to them.
      const keepsValues = !forget && visit.visitor.user !== undefined
      return after(keepsValues ? visit.load(undefined) : undefined, async () => {
        await Promise.all([this.#changeUser(), visit.leave(forget)])
      })
    }, this.report)
  }

  protected override wrote(field: Field): void {
    this.#written ??= new Set()
    this.#written.add(field)
  }

  /** Warns of each guest's value that this request has set and the sign-in has not transferred. */
  #warnOfLeaving(): void {
    for (const field of this.#written ?? [])
      if (!isTransferred(field)) this.#parts.settings.warn(describeLeft(field.key))
    this.#written = undefined
  }

  /** Returns the interface for features. */
  static useOf(this: void, handle: RequestHandle): RequestUse {
    return handle.#use()
  }

  #use(): RequestUse {
    return {
      ctx: this.#ctx,
      values: this,
      visit: this.#openVisit,
      permit: () => {
        this.values.checkOpen()
        this.permit(BROWSER_SCOPE)
      },
      refreshUser: () => this.#refreshUser(),
    }
  }

  /**
   * Continues as the user whom `identify` names now, because the app may have signed a user in or out without notifying the plugin. A flash
   * message must go to the visitor of the next request.
   */
  #refreshUser(): Awaitable<unknown> {
    const visit = this.#visit
    if (!visit.isAsBegun) return undefined
    return after(visit.identify(), (named) => (named.user === visit.visitor.user ? undefined : this.#continueAs(named)))
  }

  protected override get isOver(): boolean {
    return isUncaught(this.#ctx)
  }

  override get report(): (error: unknown) => void {
    return (error) => this.#parts.settings.report(error, this.#ctx)
  }

  protected override get cookie(): Visit['cookie'] {
    return this.#visit.cookie
  }

  protected override replica(field: Field): Replica | undefined {
    const { cookie, visitor } = this.#visit
    return this.#parts.cookieValues.replica(field, cookie, visitor)
  }

  protected override beforeWrite(): void {
    void this.#openVisit
  }

  protected override get owner(): Owner {
    return this.#visit.visitor
  }

  protected override permit(fields: Iterable<Pick<Field, 'scope'>>): void {
    const visit = this.#openVisit
    if (visit.isSuperseded) throw visitorLeft(LEAVE_FIRST)
    for (const { scope } of fields)
      if (!visit.knowsOwner(scope)) throw new LiveSessionError('cookies_blocked', WITHHELD)
    visit.markUse('sets')
  }
}

// Throws for a template with `embed` in place of `embed()`, which would put the source text of the function into the page.
Object.assign(RequestHandle.prototype.embed, {
  toString: () => {
    throw new TypeError(EMBED_UNCALLED)
  },
})
