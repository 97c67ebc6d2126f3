import { ServerResponse } from 'node:http'
import type Koa from 'koa'
import compose from 'koa-compose'
import type { Socket } from 'socket.io'
import { LiveSessionError } from '../shared/errors.js'
import type { Core } from './core.js'
import type { Recognized } from './identities.js'
import { describeBadOrigin, isOwnPolling, isOwnWebSocket, originClaims } from './origin.js'
import { newBrowserId, type UserId, userSubject } from './subject.js'
import { Visitor } from './visitor.js'

/** Who opened a connection. */
export interface Greeted {
  readonly visitor: Visitor
  readonly cookie: Recognized['cookie']
  readonly userId: UserId | undefined
  /** The browser came without a live cookie: its id is not known to it yet. */
  readonly isNew: boolean
  /** How many revocations there had been when the handshake began. */
  readonly revocations: number
}

/** What koa-session, since version 5, calls the getter of what it keeps of a context. */
const CONTEXT_SESSION = new Set(['get contextSession', 'context#contextSession'])

/** Finds out who opened a connection, once for all of its namespaces. */
export class Handshake {
  readonly #core: Core
  readonly #auth: Koa.Middleware
  readonly #greeted = new WeakMap<object, Promise<Greeted>>()

  constructor(core: Core, middleware: readonly Koa.Middleware[]) {
    this.#core = core
    this.#auth = compose([...middleware])
  }

  /**
   * @throws {LiveSessionError} `bad_origin`; `other_subject` where the cookie names a user and `identify` nobody;
   * `rate_limited` where whoever it is has too many sockets
   */
  greet(socket: Socket): Promise<Greeted> {
    const known = this.#greeted.get(socket.conn)
    if (known !== undefined) return known
    const greeted = this.#admit(socket)
    this.#greeted.set(socket.conn, greeted)
    return greeted
  }

  async #admit({ conn, request }: Socket): Promise<Greeted> {
    const greeted = await this.#greet(request)
    this.#core.limits.admit(greeted.visitor.subject() ?? '', conn)
    return greeted
  }

  async #greet(req: Socket['request']): Promise<Greeted> {
    const { app, cookie, epochs, identities } = this.#core
    const { revocations } = epochs
    const ctx = app.createContext(req, new ServerResponse(req))
    this.#checkOrigin(ctx)
    const userId = await this.#identify(ctx)
    const user = userId === undefined ? undefined : userSubject(userId)
    const read = cookie.read(req.headers.cookie)
    if (read?.user !== undefined && user === undefined) {
      throw new LiveSessionError('other_subject', 'the cookie is of a user who is not signed in any more')
    }
    const { visitor, cookie: own } = identities.greet(read, user)
    if (visitor.browser !== undefined) return { visitor, cookie: own, userId, isNew: false, revocations }
    return { visitor: new Visitor(newBrowserId(), user), cookie: own, userId, isNew: true, revocations }
  }

  #checkOrigin(ctx: Koa.Context): void {
    const claims = originClaims(ctx)
    // The request that opened the connection says how it was opened; a polling one may be a websocket by now.
    const isOwn = ctx.get('Upgrade') === '' ? isOwnPolling : isOwnWebSocket
    if (isOwn(claims, this.#core.settings.origins)) return
    this.#core.warn(describeBadOrigin(claims))
    throw new LiveSessionError('bad_origin', 'this page may not connect')
  }

  /**
   * Runs the app's own auth middleware, to learn who is there. It commits nothing: a Set-Cookie would corrupt the 101
   * answer, and a session that was destroyed meanwhile would be stored again.
   */
  async #identify(ctx: Koa.Context): Promise<UserId | undefined> {
    const { identify } = this.#core.settings
    if (!identify) return undefined
    keepUncommitted(ctx)
    let userId: UserId | null | undefined
    await this.#auth(ctx, async () => {
      userId = await identify(ctx)
    })
    return userId ?? undefined
  }
}

function keepUncommitted(ctx: Koa.Context): void {
  for (const symbol of Object.getOwnPropertySymbols(ctx.app.context)) {
    if (!CONTEXT_SESSION.has(symbol.description ?? '')) continue
    const contextSession: unknown = Reflect.get(ctx, symbol)
    if (typeof contextSession === 'object' && contextSession !== null) {
      Object.assign(contextSession, { commit: async () => undefined })
    }
  }
}
