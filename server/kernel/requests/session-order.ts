import type Koa from 'koa'

/** The symbol descriptions of koa-session's part of a context, since version 5, once that has begun. */
const INSTANCE = new Set(['contextSession instance', 'context#_contextSession'])

/** Where the app has to put its session so that it comes before `identify`. */
export const IN_REQUESTS = 'app.use(session(...)) before app.use(live.middleware())'
export const IN_HANDSHAKES = 'the same session(...) in attach(io, { handshake: [session, ...] })'

/**
 * Checks that the app's session comes before `identify`. Call the returned function once `identify` has answered: it detects a session that
 * `identify` itself began because there was none. A session in a cookie can be read at once; one in a store has not been loaded, so that
 * all users would be taken for guests.
 *
 * @throws {TypeError} from the returned function, saying what to do
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

/** koa-session's part has no session, not even an empty one, before it is loaded or read. */
function isLoaded(begun: object | undefined): begun is object {
  return begun !== undefined && Reflect.get(begun, 'session') !== undefined
}

/** Returns koa-session's part of a request, if it has begun. */
function sessionOf(ctx: Koa.Context): object | undefined {
  const symbol = Object.getOwnPropertySymbols(ctx).find(({ description = '' }) => INSTANCE.has(description))
  const found: unknown = symbol && Reflect.get(ctx, symbol)
  return typeof found === 'object' && found !== null ? found : undefined
}

function nothing(): void {}
