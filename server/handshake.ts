import { ServerResponse } from 'node:http'
import type Koa from 'koa'
import compose from 'koa-compose'
import type { Socket } from 'socket.io'
import { LiveSessionError } from '../shared/errors.js'
import { Connection, type Greeted } from './connection.js'
import type { Core } from './core.js'
import { describeBadOrigin, isOwnPolling, isOwnWebSocket, originClaims } from './origin.js'
import { newBrowserId, newcomers, subjectHash, type UserId, userSubject } from './subject.js'
import { Visitor } from './visitor.js'

/** What koa-session, since version 5, calls the getter of what it keeps of a context. */
const CONTEXT_SESSION = new Set(['get contextSession', 'context#contextSession'])

/** Finds out who opened a connection, once for all of its namespaces. */
export class Handshake {
  readonly #core: Core
  readonly #auth: Koa.Middleware
  readonly #connections = new WeakMap<object, Promise<Connection>>()

  constructor(core: Core, middleware: readonly Koa.Middleware[]) {
    this.#core = core
    this.#auth = compose([...middleware])
  }

  /**
   * @throws {LiveSessionError} `bad_origin`; `other_subject` where the cookie names a user who is signed in no more;
   * `rate_limited` where whoever it is has too many sockets
   */
  greet({ conn, request }: Socket): Promise<Connection> {
    const known = this.#connections.get(conn)
    if (known !== undefined) return known
    const connection = this.#admit(conn, request)
    this.#connections.set(conn, connection)
    return connection
  }

  async #admit(conn: Socket['conn'], request: Socket['request']): Promise<Connection> {
    const { connections, epochs, limits } = this.#core
    const { revocations } = epochs
    const greeted = await this.#greet(request)
    // Whoever was signed out while we asked who it is was not known here yet when the others were told.
    if (this.#isRevoked(greeted, revocations)) throw signedOut()
    limits.admit(connections.of(greeted.visitor.subject() ?? '').length)
    const connection = new Connection(conn, greeted)
    if (conn.readyState === 'open') {
      connections.add(connection)
      conn.once('close', () => connections.remove(connection))
    }
    return connection
  }

  #isRevoked({ visitor, cookie }: Greeted, revocations: number): boolean {
    const { epochs } = this.#core
    const { user, browserSubject = '' } = visitor
    if (epochs.isRetired(browserSubject)) return true
    if (user === undefined) return false
    if (cookie) return !epochs.isCurrent(cookie)
    const sub = subjectHash(user)
    return epochs.isRevokedSince(sub, revocations) || epochs.isRevokedSince(newcomers(sub), revocations)
  }

  async #greet(req: Socket['request']): Promise<Greeted> {
    const { app, cookie, epochs, identities } = this.#core
    const ctx = app.createContext(req, new ServerResponse(req))
    this.#checkOrigin(ctx)
    const userId = await this.#identify(ctx)
    const user = userId === undefined ? undefined : userSubject(userId)
    const read = cookie.read(req.headers.cookie, user)
    // A cookie that was given up and a session that was not: at a logout the two were under way together.
    if (read?.user !== undefined && (user === undefined || !epochs.isCurrent(read))) throw signedOut()
    const { visitor, cookie: own } = identities.greet(read, user)
    if (visitor.browser !== undefined) return { visitor, cookie: own, userId, isNew: false }
    return { visitor: new Visitor(newBrowserId(), user), cookie: own, userId, isNew: true }
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

function signedOut(): LiveSessionError {
  return new LiveSessionError('other_subject', 'the cookie is of a user who is not signed in any more')
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
