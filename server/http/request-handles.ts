// Creates `ctx.liveSession`, and explains why a context has none.

import type Koa from 'koa'
import { addMembers } from '../exchange/handle.js'
import type { Arrival, Arrivals } from './arrivals.js'
import { isUncaught } from './headers-sent.js'
import { RequestHandle, type RequestParts } from './request.js'
import type { Visit } from './visit.js'

const TOO_EARLY =
  'koa-live-session: ctx.liveSession was read before live.middleware() ran: ' +
  'app.use(live.middleware()) goes after auth and before your routes'
const IN_HANDSHAKE =
  'koa-live-session: ctx.liveSession was read in the handshake of a socket, which has none: expected socket.liveSession in ' +
  "io.use or io.on('connection'). Middleware of attach(io, { handshake }) runs before the visitor is known"
const TOO_SOON =
  'ctx.liveSession was read before live.middleware() knew the visitor, as by a timer or a listener of the request: it had the values of a ' +
  'new guest'
/** Stands for the handle while `live.middleware()` does not know the request's visitor yet. */
const ENTERED = null
const handshakes = new WeakSet<object>()
const REQUEST = Symbol('koa-live-session')

/** Begins the visit of a request. */
export type BeginVisit = (ctx: Koa.Context, arrival: Arrival) => Visit

/** Creates the `ctx.liveSession` of each request. */
export class RequestHandles {
  readonly #parts: RequestParts
  readonly #arrivals: Arrivals
  readonly #begin: BeginVisit
  readonly #Handle: typeof RequestHandle

  constructor(parts: RequestParts, arrivals: Arrivals, begin: BeginVisit) {
    this.#parts = parts
    this.#arrivals = arrivals
    this.#begin = begin
    this.#Handle = addMembers(
      class extends RequestHandle {},
      parts.features.map(({ request }) => request),
    )
  }

  /** @param visit the visit, if one has begun; otherwise the first use begins one */
  create(ctx: Koa.Context, arrival: Arrival, visit?: Visit): RequestHandle {
    const handle = new this.#Handle(this.#parts, ctx, () => visit ?? this.#begin(ctx, arrival))
    ctx[REQUEST] = handle
    return handle
  }

  /** Returns whether a request has its `ctx.liveSession`. */
  has(ctx: Koa.Context): boolean {
    return Boolean(ctx[REQUEST])
  }

  /**
   * Returns the `ctx.liveSession` of a request. Until `live.middleware()` knows the visitor, a timer, a listener or a log of an ended
   * request gets that of a new guest, because an error there would end the process.
   *
   * @throws {TypeError} if middleware that comes before `live.middleware()` reads it
   */
  of(ctx: Koa.Context): RequestHandle {
    const handle: RequestHandle | typeof ENTERED | undefined = ctx[REQUEST]
    if (handle) return handle
    const guest = this.#arrivals.ofNewGuest()
    if (isUncaught(ctx)) return this.create(ctx, guest)
    if (handle !== ENTERED) throw new TypeError(handshakes.has(ctx) ? IN_HANDSHAKE : TOO_EARLY)
    this.#parts.settings.warn(TOO_SOON)
    return new this.#Handle(this.#parts, ctx, () => this.#begin(ctx, guest))
  }

  /** Notes that a request has entered `live.middleware()`. A second pass changes nothing. */
  expect(ctx: Koa.Context): void {
    ctx[REQUEST] ??= ENTERED
  }
}

/**
 * Marks the context of a handshake, which has no `ctx.liveSession`, so that the error of a read names the handshake, not the order of
 * middleware.
 */
export function noteHandshake(ctx: Koa.Context): void {
  handshakes.add(ctx)
}
