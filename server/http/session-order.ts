import type Koa from 'koa'

/** What koa-session, since version 5, calls its part of a context once that has begun. */
const INSTANCE = new Set(['contextSession instance', 'context#_contextSession'])

/** Whether the app's session comes before `identify`, as long as no request has shown it. */
export class SessionOrder {
  #isKnown = false

  /** Begins to look at a request; what is answered is to be called once `identify` has answered. */
  watch(ctx: Koa.Context): () => void {
    if (this.#isKnown) return nothing
    const before = sessionOf(ctx)
    return () => this.#check(before, before ?? sessionOf(ctx))
  }

  /**
   * Tells of a session that begins with `identify`, and not before it. In a cookie it can be read at once; from a store nothing
   * has been loaded, so that all users would be taken for guests.
   *
   * @throws {TypeError} saying what to do
   */
  #check(before: object | undefined, begun: object | undefined): void {
    if (!begun) return
    if (!before && Reflect.get(begun, 'store')) {
      throw new TypeError(
        'koa-live-session: identify read ctx.session before session() had loaded it, so every visitor would be a guest: ' +
          'expected app.use(session(...)) before app.use(live.middleware())',
      )
    }
    this.#isKnown = true
  }
}

/** koa-session's part of a request, where it has begun. */
function sessionOf(ctx: Koa.Context): object | undefined {
  const symbol = Object.getOwnPropertySymbols(ctx).find(({ description = '' }) => INSTANCE.has(description))
  const found: unknown = symbol && Reflect.get(ctx, symbol)
  return typeof found === 'object' && found !== null ? found : undefined
}

function nothing(): void {}
