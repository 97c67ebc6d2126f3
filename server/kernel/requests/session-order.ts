import type Koa from 'koa'

/** What koa-session, since version 5, calls its part of a context once that has begun. */
const INSTANCE = new Set(['contextSession instance', 'context#_contextSession'])

/** Where the app's session is to come before `identify`. */
export const IN_REQUESTS = 'app.use(session(...)) before app.use(live.middleware())'
export const IN_HANDSHAKES = 'the same session(...) in attach(io, { handshake: [session, ...] })'

/**
 * Looks whether the app's session comes before `identify`. What is answered is to be called once `identify` has answered: it
 * tells of a session that `identify` has made, as none was there. In a cookie it can be read at once; from a store nothing
 * has been loaded, so that all users would be taken for guests.
 *
 * @throws {TypeError} what is answered does, saying what to do
 */
export function watchSession(ctx: Koa.Context, expected: string): () => void {
  if (isLoaded(sessionOf(ctx))) return nothing
  return () => {
    const begun = sessionOf(ctx)
    if (!isLoaded(begun) || !Reflect.get(begun, 'store')) return
    throw new TypeError(
      'koa-live-session: identify read ctx.session before session() had loaded it, so every visitor would be a guest: ' +
        `expected ${expected}`,
    )
  }
}

/** A part has no session, not even an empty one, before it is loaded or asked for. */
function isLoaded(begun: object | undefined): begun is object {
  return begun !== undefined && Reflect.get(begun, 'session') !== undefined
}

/** koa-session's part of a request, where it has begun. */
function sessionOf(ctx: Koa.Context): object | undefined {
  const symbol = Object.getOwnPropertySymbols(ctx).find(({ description = '' }) => INSTANCE.has(description))
  const found: unknown = symbol && Reflect.get(ctx, symbol)
  return typeof found === 'object' && found !== null ? found : undefined
}

function nothing(): void {}
