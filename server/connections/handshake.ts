// Decides whether a handshake may open a connection or a socket, by origin, user, cookie and number of sockets.

import { ServerResponse } from 'node:http'
import type Koa from 'koa'
import { LiveSessionError } from '../../shared/errors.js'
import { type ReadCookie, readable, readables } from '../cookie/content.js'
import { describeBadOrigin, isOwnPolling, isOwnWebSocket, originHeaders } from '../http/origin.js'
import type { CookieStatus } from '../identity/cookie-status.js'
import type { PageIdentity } from '../identity/identified.js'
import type { Link, PageSocket } from '../memory/link.js'
import type { Parts } from '../parts.js'
import { type Subject, subjectHash, type UserSubject } from '../subjects/subject.js'
import type { Authentication } from './authentication.js'
import { Connection } from './connections.js'
import { isRefusal, type Rechecks } from './rechecks.js'

const READ_BY_ANY =
  '403 bad_origin: a socket came by JSONP polling (j=), which any page reads as a script: expected another transport. ' +
  'In clients of socket.io 2 leave forceJSONP out'

const WITHOUT_REQUEST =
  'a socket came without an HTTP request, as WebTransport does, so nothing names its visitor, and it was refused: ' +
  "expected 'polling' or 'websocket' before 'webtransport' in the transports of io()"

/** The cookie statuses with which a handshake is refused, whichever user `identify` names. */
const REFUSED: readonly CookieStatus[] = ['retired', 'revoked']

const TOO_MANY =
  'connections, so further pages get no live updates until one closes. ' +
  'Raise it if an id stands for many people: node_modules/koa-live-session/docs/troubleshooting.md#rate_limited'

const FAILED =
  "attach(io, { handshake }): middleware or identify threw in a handshake, so a socket was refused: app.on('error') gets the error. " +
  'The page tries again, at first after a second, later every 15 to 30 s'

/** Thrown after an error that is already reported. */
export class HandshakeFailure extends Error {}

/** The admission of a connection. */
interface Admission {
  readonly connection: Promise<Connection>
  /** The number of sockets that wait for the admission. */
  waiting: number
}

type HandshakeParts = Pick<
  Parts,
  | 'app'
  | 'connections'
  | 'cookie'
  | 'endings'
  | 'features'
  | 'identifyChecks'
  | 'identities'
  | 'limits'
  | 'pageIdentities'
  | 'revocations'
  | 'settings'
  | 'store'
  | 'values'
>

/** Performs the handshakes of connections. Identifies the visitor of a connection once, for all of its namespaces. */
export class Handshake {
  readonly #parts: HandshakeParts
  readonly #authentication: Authentication
  readonly #rechecks: Rechecks
  readonly #admissions = new WeakMap<Link, Admission>()

  constructor(parts: HandshakeParts, authentication: Authentication, rechecks: Rechecks) {
    this.#parts = parts
    this.#authentication = authentication
    this.#rechecks = rechecks
  }

  /**
   * Admits a socket, or refuses it.
   *
   * @throws {LiveSessionError} `bad_origin`; `other_visitor` if the cookie is retired or revoked, or is of a user whom `identify` does not
   * name, or if the visitor is changing; `rate_limited` if the connection has joined too many namespaces; any refusal by the app's
   * middleware
   * @throws {HandshakeFailure} after any other error of the app, which is already reported
   */
  async enter(socket: PageSocket, link: Link): Promise<Connection> {
    const { limits, settings } = this.#parts
    // socket.io's types know of no connection without a request.
    if (!link.request) {
      settings.warn(WITHOUT_REQUEST)
      throw new HandshakeFailure(WITHOUT_REQUEST)
    }
    const admission = this.#admissionOf(link)
    limits.checkNamespaces(admission.waiting)
    admission.waiting += 1
    const connection = await admission.connection.finally(() => {
      admission.waiting -= 1
    })
    if (connection.wasClosed) throw signedOut()
    limits.checkNamespaces(connection.sockets)
    connection.enter(socket)
    return connection
  }

  /** Returns the admission of a connection, whose first socket identifies the visitor. */
  #admissionOf(link: Link): Admission {
    const known = this.#admissions.get(link)
    if (known !== undefined) return known
    const ctx = this.#parts.app.createContext(link.request, new ServerResponse(link.request))
    const connection = this.#admit(link, ctx).catch((error: unknown) => this.#fail(error, link, ctx))
    const admission = { connection, waiting: 0 }
    this.#admissions.set(link, admission)
    return admission
  }

  /** Reports an error of the app once, regardless of the number of namespaces. */
  #fail(error: unknown, link: Link, ctx: Koa.Context): never {
    const { settings } = this.#parts
    // If the store does not answer, closes the connection, so that socket.io reconnects. It would not retry a refused socket.
    if (error instanceof LiveSessionError && error.code === 'store_unavailable') void link.hangUp()
    if (error instanceof LiveSessionError || error instanceof HandshakeFailure) throw error
    // Middleware may refuse a visitor, as in a request.
    if (!isRefusal(error)) settings.warn(FAILED)
    settings.report(error, ctx)
    throw new HandshakeFailure('an error of the app')
  }

  async #admit(link: Link, ctx: Koa.Context): Promise<Connection> {
    const { connections, cookie, endings, revocations, identities, store } = this.#parts
    const { revision } = revocations
    this.#checkOrigin(ctx)
    const user = await this.#authentication.userOf(ctx)
    const read = cookie.read(ctx.req, user)
    await store?.loadIfStale(identities.subjectsToLoad(readables(read), user))
    const browser = readable(read)?.browserSubject
    const hasLeft = user !== undefined && revocations.validityOfUser(subjectHash(user), revision) !== 'current'
    if (hasLeft || (browser && (revocations.isRetiredSince(browser, revision) || endings.isPending(browser)))) {
      // The visitor has changed, or a pending response is changing the visitor. Closes the connection first: then socket.io cannot send the
      // refusal, and the browser reconnects by itself.
      void link.hangUp()
      throw signedOut()
    }
    const identity = this.#recognize(read, user, ctx)
    const owner = identity.visitor.inTab(this.#parts.values.tabOf(identity.visitor.browser))
    try {
      this.#parts.limits.checkConnections(connections.count(identity.visitor.subject()))
    } catch (error) {
      return await this.#waitForRoom(identity.visitor.subject(), link, error as LiveSessionError)
    }
    const members = this.#members(link, ctx)
    const connection = new Connection(link, { identity, revision, owner, members })
    if (link.isOpen) {
      connections.add(connection)
      this.#rechecks.add(connection)
      link.onClose(() => connections.remove(connection))
    }
    return connection
  }

  /**
   * Identifies the visitor by the cookie and the user from `identify`. The identity is final, because a connection cannot receive another
   * cookie.
   */
  #recognize(read: ReadCookie | undefined, user: UserSubject | undefined, ctx: Koa.Context): PageIdentity {
    const { identifyChecks, identities, pageIdentities } = this.#parts
    const identity = identities.recognize(read, user)
    const { cookieStatus } = identity
    const received = readable(read)
    const isUsers = received?.user !== undefined
    if (cookieStatus === 'own' && received && isUsers) identifyChecks.forget(received.browser)
    if (cookieStatus === 'other' && received) {
      const { browser, user: former = user && subjectHash(user) } = received
      identifyChecks.record('handshakes', user, former, browser)
    }
    // Refuses a retired cookie even with a user: during a sign-out, the app session of such a browser may still be valid.
    if (REFUSED.includes(cookieStatus) || (cookieStatus === 'other' && isUsers)) throw signedOut()
    return pageIdentities.of(
      ctx,
      identity.cookie ? identity : { visitor: identity.visitor.ofConnection, cookie: undefined },
    )
  }

  #members(link: Link, ctx: Koa.Context): Connection['members'] {
    return this.#parts.features.flatMap(({ connects }) => connects?.(ctx, link) ?? [])
  }

  async #waitForRoom(name: Subject, link: Link, refusal: LiveSessionError): Promise<never> {
    const { connections, settings } = this.#parts
    settings.emitRefusal('handshake', refusal)
    settings.warn(`limits.socketsPerVisitor: a user or guest has ${connections.count(name)} ${TOO_MANY}`)
    await connections.waitForRoom(name, link)
    throw new HandshakeFailure('no room')
  }

  #checkOrigin(ctx: Koa.Context): void {
    const headers = originHeaders(ctx)
    // JSONP requests are scripts. Without https, no header reveals which page requested a script.
    const isScript = 'j' in ctx.query
    // Checks how the request began: a polling connection may have been upgraded to a websocket meanwhile.
    const isOwn = ctx.get('Upgrade') === '' ? isOwnPolling : isOwnWebSocket
    if (!isScript && isOwn(headers, this.#parts.settings.origins)) return
    this.#parts.settings.warn(isScript ? READ_BY_ANY : describeBadOrigin(headers), 'bad_origin')
    throw new LiveSessionError('bad_origin', 'this page may not connect')
  }
}

function signedOut(): LiveSessionError {
  return new LiveSessionError('other_visitor', 'the cookie is of another visitor, or is no longer valid')
}
