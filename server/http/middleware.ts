// Implements `live.middleware()`: identifies the user, loads the visitor from the store, and creates `ctx.liveSession`. Passes POSTs of
// pages to the endpoint.

import type Koa from 'koa'
import { type Awaitable, after } from '../../shared/promise.js'
import { readables } from '../cookie/content.js'
import { addMembers } from '../exchange/handle.js'
import type { Feature } from '../feature.js'
import type { Parts } from '../parts.js'
import type { UserSubject } from '../subjects/subject.js'
import type { IdentifiedUser } from '../subjects/visitor.js'
import { createEndpoint, type PostParts } from './endpoint.js'
import { isClosed } from './headers-sent.js'
import { RequestHandle, type RequestParts } from './request.js'
import { loadSubjects, Visit } from './visit.js'

const TWICE =
  'a request passed live.middleware() twice, and the second did nothing: expected app.use(live.middleware()) once, ' +
  'after your auth and before your routes'
const OTHER_APP =
  'koa-live-session: live.middleware() was given a request of another app, which has no ctx.liveSession: expected ' +
  'liveSession(app) of the app that listens. With koa-mount, pass the outer app'
const TOO_EARLY =
  'koa-live-session: ctx.liveSession was read before live.middleware() ran: ' +
  'app.use(live.middleware()) goes after auth and before your routes'
const IN_HANDSHAKE =
  'koa-live-session: ctx.liveSession was read in the handshake of a socket, which has none: expected socket.liveSession in ' +
  "io.use or io.on('connection'). Middleware of attach(io, { handshake }) runs before the visitor is known"
const handshakes = new WeakSet<object>()
const REQUEST = Symbol('koa-live-session')

type MiddlewareParts = RequestParts & PostParts & Pick<Parts, 'signedIn'>

/** Creates the middleware, and provides `ctx.liveSession`. */
export class Requests {
  readonly #parts: MiddlewareParts
  readonly #endpoint: Koa.Middleware
  readonly #Handle: typeof RequestHandle
  readonly #begins: readonly NonNullable<Feature['begins']>[]

  constructor(parts: MiddlewareParts) {
    this.#parts = parts
    this.#begins = parts.features.flatMap(({ begins }) => begins ?? [])
    this.#endpoint = createEndpoint(parts, this)
    this.#Handle = addMembers(
      class extends RequestHandle {},
      parts.features.map(({ request }) => request),
    )
    const handleAfterResponse = this.#handleAfterResponse
    Object.defineProperty(parts.app.context, 'liveSession', {
      get(this: Koa.Context): RequestHandle {
        return this[REQUEST] ?? handleAfterResponse(this)
      },
    })
  }

  /** Returns the middleware that identifies visitors before the app's routes run, and answers POSTs to the endpoint. */
  middleware(): Koa.Middleware {
    const { endpoint } = this.#parts.settings
    return (ctx, next) => {
      // Checks the raw URL first, because `ctx.path` parses the URL.
      if (ctx.req.url?.includes(endpoint) && ctx.path === endpoint) return this.#endpoint(ctx, next)
      if (!('liveSession' in ctx)) throw new TypeError(OTHER_APP)
      if (ctx[REQUEST] !== undefined) {
        this.#parts.settings.warn(TWICE)
        return next()
      }
      const { revision } = this.#parts.revocations
      return after(this.arrive(ctx), (user) => {
        const handle = this.createHandle(ctx, { user, revision })
        for (const begins of this.#begins) begins(ctx, () => RequestHandle.useOf(handle), user)
        return next()
      })
    }
  }

  /** Identifies the user of a request, and loads the visitor from the store before any read. */
  arrive(ctx: Koa.Context): Awaitable<UserSubject | undefined> {
    const { cookie, identifyUser, store } = this.#parts
    const identified = after(identifyUser(ctx), (user) => this.#parts.signedIn(ctx, user))
    if (!store) return identified
    return after(identified, (user) => {
      const read = cookie.read(ctx.req, user)
      return after(loadSubjects(this.#parts, readables(read), user), () => user)
    })
  }

  /** @param visit the visit, if one has begun; otherwise the first use begins one */
  createHandle(ctx: Koa.Context, identifiedUser: IdentifiedUser, visit?: Visit): RequestHandle {
    const handle = new this.#Handle(this.#parts, ctx, identifiedUser, visit)
    ctx[REQUEST] = handle
    return handle
  }

  /**
   * Returns a new guest's `ctx.liveSession` for a log of a response that was sent before `live.middleware()` knew the visitor, such as
   * an error of `identify`: an error in a listener of the response would end the process.
   *
   * @throws {TypeError} if the response is still to be sent, so that the app's middleware stands in the wrong order
   */
  readonly #handleAfterResponse = (ctx: Koa.Context): RequestHandle => {
    if (handshakes.has(ctx)) throw new TypeError(IN_HANDSHAKE)
    if (!ctx.res.headersSent && !isClosed(ctx.res)) throw new TypeError(TOO_EARLY)
    const { identities, revocations } = this.#parts
    const identifiedUser = { user: undefined, revision: revocations.revision }
    const visit = new Visit(this.#parts, ctx, identifiedUser, identities.recognize(undefined, undefined)).begin()
    return this.createHandle(ctx, identifiedUser, visit)
  }
}

/**
 * Marks the context of a handshake, which has no `ctx.liveSession`. The error of a read then does not blame the place of
 * `live.middleware()`.
 */
export function noteHandshake(ctx: Koa.Context): void {
  handshakes.add(ctx)
}
