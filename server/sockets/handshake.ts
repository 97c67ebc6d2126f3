import { ServerResponse } from 'node:http'
import type Koa from 'koa'
import compose from 'koa-compose'
import type { Socket } from 'socket.io'
import { LiveSessionError } from '../../shared/errors.js'
import type { Core } from '../core.js'
import type { VerifiedCookie } from '../http/cookie.js'
import { describeBadOrigin, isOwnPolling, isOwnWebSocket, originClaims } from '../http/origin.js'
import { newBrowserId, newcomers, type Subject, subjectHash, type UserId, userSubject } from '../identity/subject.js'
import { Visitor } from '../identity/visitor.js'
import { Connection, type Greeted, hangUp } from './connection.js'

/** What koa-session, since version 5, calls the getter of what it keeps of a context. */
const CONTEXT_SESSION = new Set(['get contextSession', 'context#contextSession'])

/** An error of the app's own, which has been told of it. */
export class HandshakeFailure extends Error {}

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
   * Lets a socket in, or not.
   *
   * @throws {LiveSessionError} `bad_origin`; `other_subject` where the cookie names a user who is signed in no more;
   * `rate_limited` where the visitor has too many sockets
   */
  async greet(socket: Socket): Promise<Connection> {
    const connection = await this.find(socket.conn, socket.request)
    if (connection.isEnded) throw signedOut()
    // The first one has the place that the connection took.
    if (connection.sockets > 0) this.#checkRoom(connection.greeted)
    connection.enter(socket)
    return connection
  }

  /**
   * Who opened a connection. It is asked but once.
   *
   * @throws {LiveSessionError} as `greet`
   */
  find(conn: Socket['conn'], request: Socket['request']): Promise<Connection> {
    const known = this.#connections.get(conn)
    if (known !== undefined) return known
    const ctx = this.#core.app.createContext(request, new ServerResponse(request))
    const connection = this.#admit(conn, ctx).catch((error: unknown) => this.#fail(error, ctx))
    this.#connections.set(conn, connection)
    return connection
  }

  /** Tells the app of its error once, whatever the number of namespaces that the connection joins. */
  #fail(error: unknown, ctx: Koa.Context): never {
    if (error instanceof LiveSessionError) throw error
    this.#core.report(error, ctx)
    throw new HandshakeFailure('an error of the app')
  }

  async #admit(conn: Socket['conn'], ctx: Koa.Context): Promise<Connection> {
    const { connections, cookie, departures, epochs } = this.#core
    const [gone, revoked] = [departures.departures, epochs.revocations]
    this.#checkOrigin(ctx)
    const userId = await this.#identify(ctx)
    const user = userId === undefined ? undefined : userSubject(userId)
    const read = cookie.read(ctx.req.headers.cookie, user)
    const isLeft = (name: string): boolean =>
      departures.hasLeftSince(name, gone) || epochs.isRevokedSince(name, revoked)
    if (namesOf(read, user).some(isLeft) || departures.isUnderWay(read?.browserSubject ?? '')) {
      // Who it is has changed, or does so with an answer that is not out yet. Closed before `next` hears of the refusal, which
      // socket.io then keeps to itself: the browser comes back by itself.
      void hangUp(conn)
      throw signedOut()
    }
    const greeted = this.#recognize(read, user, userId)
    this.#checkRoom(greeted)
    const connection = new Connection(conn, greeted)
    if (conn.readyState === 'open') {
      connections.add(connection)
      conn.once('close', () => connections.remove(connection))
    }
    return connection
  }

  #recognize(read: VerifiedCookie | undefined, user: Subject | undefined, userId: UserId | undefined): Greeted {
    const { epochs, identities } = this.#core
    // A cookie that was given up and a session that was not: at a logout the two were under way together.
    if (read?.user !== undefined && (user === undefined || !epochs.isCurrent(read))) throw signedOut()
    const { visitor, cookie } = identities.greet(read, user)
    if (visitor.browser !== undefined) return { visitor, cookie, userId, isNew: false }
    return { visitor: new Visitor(newBrowserId(), user), cookie, userId, isNew: true }
  }

  #checkRoom({ visitor }: Greeted): void {
    this.#core.limits.admit(this.#core.connections.sockets(visitor.subject() ?? ''))
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

/** Under which the visitor of a handshake may be signed out. */
function namesOf(read: VerifiedCookie | undefined, user: Subject | undefined): readonly string[] {
  const sub = user === undefined ? undefined : subjectHash(user)
  return [...(read ? [read.browserSubject] : []), ...(sub === undefined ? [] : [sub, newcomers(sub)])]
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
