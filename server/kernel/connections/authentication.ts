import type Koa from 'koa'
import { type UserId, type UserSubject, userNamed } from '../names/subject.js'
import { noteHandshake } from '../requests/requests.js'
import { IN_HANDSHAKES, watchSession } from '../requests/session-order.js'
import type { Core } from '../seams/core.js'

/** The symbol descriptions of koa-session's getter for its part of a context, since version 5. */
const CONTEXT_SESSION = new Set(['get contextSession', 'context#contextSession'])

/** The authentication of a connection: runs the app's own auth middleware and `identify` for the request that opened it. */
export class Authentication {
  readonly #core: Core
  readonly #middleware: readonly Koa.Middleware[]

  constructor(core: Core, middleware: readonly Koa.Middleware[]) {
    this.#core = core
    this.#middleware = middleware
  }

  /** Without `identify` every visitor is a guest. */
  get hasUsers(): boolean {
    return this.#core.settings.identify !== undefined
  }

  /**
   * Runs the app's own auth middleware to find out who the visitor is, and what parts need to know. It commits nothing: a Set-Cookie would
   * corrupt the 101 response, and a session that was destroyed meanwhile would be stored again.
   */
  async userOf(ctx: Koa.Context): Promise<UserSubject | undefined> {
    const { parts, settings } = this.#core
    const { identify } = settings
    if (!identify && !parts.some(({ handshake }) => handshake?.isUsed())) return undefined
    noteHandshake(ctx)
    keepUncommitted(ctx)
    let id: UserId | null | undefined
    const ask = async (): Promise<void> => {
      const check = watchSession(ctx, IN_HANDSHAKES)
      id = await identify?.(ctx)
      check()
    }
    // As Koa runs them: each is the next() of the one before it.
    await this.#middleware.reduceRight<Koa.Next>((next, middleware) => async () => middleware(ctx, next), ask)()
    return userNamed(id)
  }
}

function keepUncommitted(ctx: Koa.Context): void {
  for (const symbol of Object.getOwnPropertySymbols(ctx.app.context)) {
    const { description } = symbol
    if (description === undefined || !CONTEXT_SESSION.has(description)) continue
    const contextSession: unknown = Reflect.get(ctx, symbol)
    if (typeof contextSession === 'object' && contextSession !== null) {
      Object.assign(contextSession, { commit: async () => undefined })
    }
  }
}
