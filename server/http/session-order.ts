import type Koa from 'koa'

/** What koa-session, since version 5, calls its part of a context once that has begun. */
const INSTANCE = new Set(['contextSession instance', 'context#_contextSession'])

/** koa-session's part of a request, where it has begun. */
export function sessionOf(ctx: Koa.Context): object | undefined {
  const symbol = Object.getOwnPropertySymbols(ctx).find(({ description = '' }) => INSTANCE.has(description))
  const found: unknown = symbol && Reflect.get(ctx, symbol)
  return typeof found === 'object' && found !== null ? found : undefined
}

/**
 * Tells of a session that begins with `identify`, and not before it. In a cookie it can be read at once; from a store nothing has
 * been loaded, so that all users would be taken for guests.
 *
 * @throws {TypeError} saying what to do
 */
export function checkOrder(ctx: Koa.Context, before: object | undefined): void {
  const begun = before === undefined && sessionOf(ctx)
  if (!begun || !Reflect.get(begun, 'store')) return
  throw new TypeError(
    'koa-live-session: identify read ctx.session before session() had loaded it, so every visitor would be a guest: ' +
      'expected app.use(session(...)) before app.use(live.middleware())',
  )
}
