// Reports errors that no caller receives, logs warnings, and publishes refusals on a diagnostics channel.

import { channel } from 'node:diagnostics_channel'
import { inspect, types } from 'node:util'
import type Koa from 'koa'
import type { LiveSessionErrorCode } from '../../shared/codes.js'
import { LiveSessionError } from '../../shared/errors.js'
import { printable } from '../../shared/json.js'
import { TrackedPromise } from '../../shared/promise.js'
import type { Sub } from '../subjects/subject.js'

/** Reports to the app an error that no caller receives. Never throws, because an uncaught error would end the process. */
export type Report = (error: unknown, ctx?: Koa.Context) => void

/** The requests and handshakes that an error has ended. */
const failed = new WeakSet<Koa.Context>()
/** The requests and handshakes that the app's error listeners have already received. */
const named = new WeakSet<Koa.Context>()

/** Returns whether an error has ended a request or a handshake. Then nothing catches the errors of the app's listeners. */
export function hasFailed(ctx: Koa.Context): boolean {
  return failed.has(ctx)
}

/** Notes that an error has ended a request or a handshake. */
export function noteFailure(ctx: Koa.Context): void {
  failed.add(ctx)
}

/** Notes the failures that Koa itself reports. */
export function watchFailures({ context }: Koa): void {
  const { onerror } = context
  // Koa also calls this without an error, after each response.
  context.onerror = function (this: Koa.Context, error?: Error | null) {
    if (error) {
      noteFailure(this)
      named.add(this)
    }
    onerror.call(this, error as Error)
  }
}

/** Creates a `Report`: refusals go to `onError`, other errors to the app's listeners of `error` or, if there are none, to the console. */
export function createReport(app: Koa, emitRefusal: EmitRefusal, onError: (error: LiveSessionError) => void): Report {
  return (error, ctx) => {
    const fallBack = (failure: unknown): void => console.error(error, failure)
    try {
      if (error instanceof LiveSessionError) {
        emitRefusal('app', error)
        const returned: unknown = onError(error)
        if (returned instanceof Promise) returned.catch(fallBack)
      } else if (app.listenerCount('error') > 0) {
        // Passes a request once: a listener that writes the request's values may cause another error, without end.
        const isNamed = ctx && !named.has(ctx)
        if (ctx) named.add(ctx)
        app.emit('error', asError(error), isNamed ? ctx : undefined)
      } else console.error(error)
    } catch (failure) {
      fallBack(failure)
    }
  }
}

/**
 * Logs a warning about this deployment, each message at most once an hour. Messages with untrusted text share a `kind`, which limits their
 * number.
 */
export type Warn = (message: string, kind?: string) => void

const HOUR = 60 * 60 * 1000
/** Maximum messages of a kind per hour: a flood of bad requests must neither flood the log nor suppress other messages. */
const MOST_OF_A_KIND = 10

/** @param clock returns ms since 1970 */
export function createWarn(clock: () => number): Warn {
  const kinds = new Map<string, { readonly since: number; readonly logged: Set<string> }>()
  return (message, kind = message) => {
    const now = clock()
    const known = kinds.get(kind)
    // A clock that went back by an hour or more also starts a new hour.
    const isOver = !known || Math.abs(now - known.since) >= HOUR
    const { logged } = isOver ? { logged: new Set<string>() } : known
    if (isOver) kinds.set(kind, { since: now, logged })
    if (logged.has(message) || logged.size >= MOST_OF_A_KIND) return
    logged.add(message)
    console.warn(printable(`koa-live-session: ${message}`))
  }
}

/** Wraps a thrown value that is no Error: Koa's own listener, for example, throws on any other value. */
function asError(thrown: unknown): Error {
  // Koa also accepts an Error from another realm, as in a test runner.
  if (thrown instanceof Error || types.isNativeError(thrown)) return thrown
  return new Error(`koa-live-session: expected an Error, received ${inspect(thrown)}`, { cause: thrown })
}

/** The name of the diagnostics channel: each message is a `RefusalMessage`. */
export const REFUSAL_CHANNEL = 'koa-live-session:refusal'

/**
 * - `request`: sent in the response to a POST
 * - `socket`: sent as the answer to a page's event
 * - `handshake`: sent to a browser whose handshake is refused
 * - `app`: caused by the app's own code, and passed to `onError`
 */
export type RefusedWhere = 'request' | 'socket' | 'handshake' | 'app'

/** A refusal, as published on the channel: contains no secrets of a browser. */
export interface RefusalMessage {
  readonly app: Koa
  readonly where: RefusedWhere
  readonly code: LiveSessionErrorCode
  readonly message: string
  readonly key: string | undefined
  /** The refused visitor; undefined for most requests and handshakes. */
  readonly visitorId: Sub | undefined
}

const refusals = channel(REFUSAL_CHANNEL)

/** Publishes a refusal. Does nothing if the channel has no subscribers. */
export type EmitRefusal = (where: RefusedWhere, refusal: LiveSessionError, visitorId?: () => Sub) => void

/** @param app named in each message, because all apps of a process share the channel */
export function createEmitRefusal(app: Koa): EmitRefusal {
  return (where, { code, message, key }, visitorId) => {
    if (!refusals.hasSubscribers) return
    refusals.publish({ app, where, code, message, key, visitorId: visitorId?.() } satisfies RefusalMessage)
  }
}

/** Runs a call, and reports its rejection if the app never awaits it: an unhandled rejection would terminate the process. */
export function tracked<T>(call: () => T | PromiseLike<T>, report: (error: unknown) => void): Promise<T> {
  return TrackedPromise.of(call, report, setImmediate)
}
