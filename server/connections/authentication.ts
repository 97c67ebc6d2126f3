// Finds a connection's user, by the app's middleware and `identify`.

import type Koa from 'koa'
import { noteHandshake } from '../http/request-handles.js'
import { IN_HANDSHAKES, type SignedIn, watchSession } from '../identity/identify-user.js'
import type { Settings } from '../settings/settings.js'
import { type UserId, type UserSubject, userNamed } from '../subjects/subject.js'

/** The descriptions of the symbol under which koa-session, since version 5, keeps its instance in a context. */
const CONTEXT_SESSION = new Set(['get contextSession', 'context#contextSession'])

const UNANSWERED = 'attach(io, { handshake }): a middleware did not call next(), so the socket was refused'

/** Finds the user of a connection: runs the app's middleware and `identify` for the request that opened the connection. */
export class Authentication {
  readonly #settings: Settings
  readonly #signedIn: SignedIn
  readonly #middleware: readonly Koa.Middleware[]

  constructor(settings: Settings, signedIn: SignedIn, middleware: readonly Koa.Middleware[]) {
    this.#settings = settings
    this.#signedIn = signedIn
    this.#middleware = middleware
  }

  /** Whether handshakes run code of the app. If not, all connections belong to guests. */
  get isNeeded(): boolean {
    return this.#settings.identify !== undefined || this.#middleware.length > 0
  }

  /**
   * Runs the app's middleware and `identify`, and returns the user. Prevents koa-session from saving the app session: a Set-Cookie would
   * corrupt the 101 response, and a session destroyed meanwhile would be stored again.
   *
   * @throws an error of the middleware; an error with status 403 if a middleware does not call `next()`
   */
  async userOf(ctx: Koa.Context): Promise<UserSubject | undefined> {
    if (!this.isNeeded) return undefined
    const { identify, warn } = this.#settings
    noteHandshake(ctx)
    keepUncommitted(ctx)
    let id: UserId | null | undefined
    let isAdmitted = false
    const run = async (): Promise<void> => {
      isAdmitted = true
      const check = watchSession(ctx, IN_HANDSHAKES)
      id = await identify?.(ctx)
      check()
    }
    try {
      // Composed as in Koa: each middleware is the `next()` of the previous middleware.
      await this.#middleware.reduceRight<Koa.Next>((next, middleware) => async () => middleware(ctx, next), run)()
    } finally {
      const names = cookiesSetIn(ctx)
      if (names.length > 0) warn(describeLost(names), 'cookies of handshakes')
    }
    if (isAdmitted) return this.#signedIn(ctx, userNamed(id))
    warn(UNANSWERED)
    return ctx.throw(403)
  }
}

/** The suffix of the cookies in which `ctx.cookies` signs others. */
const SIGNED = '.sig'

/** Returns the names of the cookies that middleware has set. Leaves out signatures, which a mere read renews after a change of keys. */
function cookiesSetIn({ res }: Koa.Context): readonly string[] {
  const lines = [res.getHeader('set-cookie') ?? []].flat().map(String)
  const names = lines.map((line) => line.slice(0, line.indexOf('=')))
  return [...new Set(names)].filter((name) => !name.endsWith(SIGNED))
}

/** Describes cookies in a response that no browser gets. If they are new tokens, the browser's refresh token is used up. */
function describeLost(names: readonly string[]): string {
  return (
    `attach(io, { handshake }): middleware set the cookie ${names.join(', ')} in a handshake or a recheck, where no browser gets it: ` +
    'expected middleware that only verifies, as an expired token means no user. The page then POSTs, and the app can refresh the token there: ' +
    'node_modules/koa-live-session/docs/users.md#tokens-that-expire'
  )
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
