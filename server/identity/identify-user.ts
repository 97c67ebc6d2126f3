// Calls the app's `identify`, checks its answer, and detects if it reads `ctx.session` before koa-session has loaded the session.

import type Koa from 'koa'
import { type Awaitable, after, allOf } from '../../shared/promise.js'
import type { Settings } from '../settings/settings.js'
import { type UserSubject, userNamed } from '../subjects/subject.js'

/** Returns the user whom the app names for a request; undefined for a guest. */
export type IdentifyUser = (ctx: Koa.Context) => Awaitable<UserSubject | undefined>

export function createIdentifyUser({ identify }: Settings): IdentifyUser {
  if (!identify) return () => undefined
  return (ctx) => {
    const check = watchSession(ctx, IN_REQUESTS)
    return after(identify(ctx), (id) => {
      check()
      return userNamed(id)
    })
  }
}

/** Returns the user of a request or handshake at its start; undefined if a feature knows that the sign-in of `user` has ended. */
export type SignedIn = (ctx: Koa.Context, user: UserSubject | undefined) => Awaitable<UserSubject | undefined>

/** @param features empty until all features are created */
export function createSignedIn(
  features: readonly { hasEnded?(ctx: Koa.Context, user: UserSubject): Awaitable<boolean> }[],
): SignedIn {
  return (ctx, user) => {
    if (user === undefined) return undefined
    const ends = allOf(features.map(({ hasEnded }) => hasEnded?.(ctx, user) ?? false))
    return after(ends, (all) => (all.includes(true) ? undefined : user))
  }
}

/** The symbol descriptions of koa-session's cached instance in a context, since version 5. */
const INSTANCE = new Set(['contextSession instance', 'context#_contextSession'])

/** Where the app must add koa-session for requests, so that the session runs before `identify`. */
const IN_REQUESTS = 'app.use(session(...)) before app.use(live.middleware())'
export const IN_HANDSHAKES = 'the same session(...) in attach(io, { handshake: [session, ...] })'

/**
 * Checks that the app's session runs before `identify`. Call the returned function after `identify`, to detect a session that `identify`
 * itself created by reading. Koa-session fills such a session from a cookie, but does not load it from a store, so every user would look
 * like a guest.
 *
 * @throws {TypeError} from the returned function, with instructions
 */
export function watchSession(ctx: Koa.Context, expected: string): () => void {
  if (isLoaded(sessionOf(ctx))) return nothing
  return () => {
    const session = sessionOf(ctx)
    if (!isLoaded(session) || !Reflect.get(session, 'store')) return
    throw new TypeError(
      'koa-live-session: identify read ctx.session before session() had loaded it, so every visitor would be a guest: ' +
        `expected ${expected}`,
    )
  }
}

/** Gives a request a new session, as koa-session does for an unknown id: `null` would fail routes that read a key of the session. */
export function renewSession(ctx: Koa.Context): void {
  Object.assign(sessionOf(ctx) ?? {}, { session: undefined, prevHash: undefined })
  // koa-session creates the session when it is read.
  void Reflect.get(ctx, 'session')
}

/** Ends a request's session, which the app has set to `null`, before the route goes on: a session that the route then sets gets a new id. */
export async function endSession(ctx: Koa.Context): Promise<void> {
  const own: { commit?(): Promise<void>; externalKey?: unknown } = sessionOf(ctx) ?? {}
  await own.commit?.()
  own.externalKey = undefined
}

/**
 * Returns koa-session's time in ms since 1970. koa-session sets and checks `_expire` by the machine's clock: by a test's clock that is
 * ahead, every session would look expired.
 */
export function koaSessionNow(): number {
  return Date.now()
}

/**
 * Returns when a request's session in koa-session expires, by `koaSessionNow`; Infinity if there is none, or if it ends with the browser.
 */
export function expiryOf(ctx: Koa.Context): number {
  const { session }: { readonly session?: unknown } = sessionOf(ctx) ?? {}
  const { _expire }: { readonly _expire?: unknown } = Object(session)
  return typeof _expire === 'number' ? _expire : Infinity
}

/** koa-session's instance has no session, not even an empty object, before a load or a read. */
function isLoaded(session: object | undefined): session is object {
  return session !== undefined && Reflect.get(session, 'session') !== undefined
}

/** Returns koa-session's instance for a request, if any. */
function sessionOf(ctx: Koa.Context): object | undefined {
  const symbol = Object.getOwnPropertySymbols(ctx).find(({ description = '' }) => INSTANCE.has(description))
  const found: unknown = symbol && Reflect.get(ctx, symbol)
  return typeof found === 'object' && found !== null ? found : undefined
}

function nothing(): void {}
