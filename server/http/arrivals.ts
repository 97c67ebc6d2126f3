// Finds the visitor of a request or a handshake: asks the app for the user, reads the live cookie, and loads the visitor from the store.

import type { IncomingMessage } from 'node:http'
import type Koa from 'koa'
import { type Awaitable, after } from '../../shared/promise.js'
import { type CookieContent, readable, readables } from '../cookie/content.js'
import type { LiveCookie } from '../cookie/cookie.js'
import type { Ends } from '../ends/ends.js'
import type { RequestIdentity } from '../identity/identified.js'
import type { IdentifyChecks } from '../identity/identify-checks.js'
import type { IdentifyUser, SignedIn } from '../identity/identify-user.js'
import type { Identities } from '../identity/identities.js'
import type { StoreClient } from '../store/store-client.js'
import { browserSubject, subjectHash, type UserSubject } from '../subjects/subject.js'
import type { IdentifiedUser, Visitor } from '../subjects/visitor.js'
import { Lateness } from './late-requests.js'

/** The user whom `identify` named at the start of a request, and the visitor, if recognized already. */
export interface Arrival extends IdentifiedUser {
  readonly recognized?: RequestIdentity
  /** Whether the visitor is unknown, so that the visit must not change the response. */
  readonly isUnknown?: boolean
}

/** A visit that has begun. */
interface Arrived {
  readonly visitor: Visitor
  readonly isWithheld: boolean
  readonly isSuperseded: boolean
}

interface ArrivalParts {
  readonly cookie: LiveCookie
  readonly identities: Identities
  readonly identifyChecks: IdentifyChecks
  readonly identifyUser: IdentifyUser
  readonly ends: Ends
  readonly signedIn: SignedIn
  readonly store: StoreClient | undefined
}

/** Identifies and loads the visitors of requests and handshakes. */
export class Arrivals {
  readonly #parts: ArrivalParts

  constructor(parts: ArrivalParts) {
    this.#parts = parts
  }

  /** The revision of ends, to read before `identify` is called: later ends count as concurrent. */
  get revision(): number {
    return this.#parts.ends.revision
  }

  /** Identifies the user at the start of a request, and loads the visitor from the store before any read. */
  arrive(ctx: Koa.Context, revision: number = this.revision): Awaitable<IdentifiedUser> {
    const { cookie, identifyUser, signedIn, store } = this.#parts
    const identified = after(identifyUser(ctx), (user) => signedIn(ctx, user))
    return after(identified, (user) => {
      const arrival = { user, revision }
      return store ? after(this.load(ctx, readables(cookie.read(ctx.req, user)), user), () => arrival) : arrival
    })
  }

  /** Identifies the user again during a request, because the app may have signed a user in or out. */
  identify(ctx: Koa.Context): Awaitable<IdentifiedUser> {
    const { revision } = this
    return after(this.#parts.identifyUser(ctx), (user) => ({ user, revision }))
  }

  /** Decides who the visitor of a request's cookie is. */
  recognize(req: IncomingMessage, user: UserSubject | undefined): RequestIdentity {
    const { cookie, identities } = this.#parts
    return identities.recognize(cookie.read(req, user), user)
  }

  /** Adopts the epoch and the values of the cookie by which the visitor was recognized. */
  adopt(recognized: RequestIdentity): void {
    this.#parts.identities.adopt(recognized)
  }

  /** Loads the visitor of a handshake. Reloads nothing that is fresh, because a handshake rotates no id. */
  loadIfStale(ctx: Koa.Context, user: UserSubject | undefined): Awaitable<unknown> {
    const { cookie, identities, store } = this.#parts
    return store?.loadIfStale(identities.subjectsToLoad(readables(cookie.read(ctx.req, user)), user), ctx)
  }

  /** Returns the arrival of a new guest, for a request that is used before `identify` and the cookie are known. */
  ofNewGuest(): Arrival {
    return {
      user: undefined,
      revision: this.revision,
      recognized: this.#parts.identities.recognize(undefined, undefined),
      isUnknown: true,
    }
  }

  /**
   * Loads all subjects of an arrival. At a sign-in these include the new browser id, which another process may have used or retired. Before
   * an id rotation, reloads even fresh subjects: the transfer must include the newest writes of other processes, and happen only once.
   */
  load(
    ctx: Koa.Context,
    departing: readonly Pick<CookieContent, 'browser' | 'user'>[],
    user: UserSubject | undefined,
  ): Awaitable<unknown> {
    const { identities, ends, store } = this.#parts
    const subjects = identities.subjectsToLoad(departing, user)
    const sub = user && subjectHash(user)
    const isChanging = departing.some(({ browser, user: former }) => {
      return former !== sub && !ends.isRetired(browserSubject(browser))
    })
    return isChanging ? store?.refresh(subjects, ctx) : store?.loadIfStale(subjects, ctx)
  }

  /** Warns if `identify` contradicts itself in a page load, or names a user who was revoked before the request. */
  check({ cookieStatus, receivedCookie }: RequestIdentity, { user, recognized }: Arrival, visit: Arrived): void {
    const { identifyChecks } = this.#parts
    const { visitor } = visit
    const cookie = readable(receivedCookie)
    if (!cookie) return
    if (cookieStatus === 'other' && user === undefined && !recognized && !visit.isWithheld)
      identifyChecks.record('page loads', undefined, cookie.user, cookie.browser, visitor.browser)
    if (cookieStatus === 'revoked' && cookie.user === visitor.userSub && !visit.isSuperseded)
      identifyChecks.warnOfSurvivor()
  }

  /** Watches for ends during a request. @param identity the identity with a rotation that is due */
  latenessOf({ receivedCookie }: RequestIdentity, identity: RequestIdentity, named: IdentifiedUser): Lateness {
    return new Lateness(this.#parts.ends, receivedCookie, identity, named)
  }
}
