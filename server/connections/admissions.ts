// Admits or refuses connections and sockets: by the handshake, and by the limits of connections and namespaces.

import { ServerResponse } from 'node:http'
import type Koa from 'koa'
import { LiveSessionError } from '../../shared/errors.js'
import type { Link, PageSocket } from '../memory/link.js'
import type { Parts } from '../parts.js'
import { noteFailure } from '../settings/report.js'
import type { Subject } from '../subjects/subject.js'
import { Connection } from './connections.js'
import { type Handshake, signedOut } from './handshake.js'
import { isRefusal, type Rechecks } from './rechecks.js'

const WITHOUT_REQUEST =
  'a socket came without an HTTP request, as WebTransport does, so nothing names its visitor, and it was refused: ' +
  "expected 'polling' or 'websocket' before 'webtransport' in the transports of io()"

const TOO_MANY =
  'connections, so further pages get no live updates until one closes. ' +
  'Raise it if an id stands for many people: node_modules/koa-live-session/docs/troubleshooting.md#rate_limited'

/** The maximum number of namespaces of a connection, or `socketsPerVisitor` if that is more. */
const NAMESPACES = 20

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

type AdmissionParts = Pick<Parts, 'app' | 'connections' | 'features' | 'settings' | 'values'>

/** Admits connections, each once for all of its namespaces, and their sockets. */
export class Admissions {
  readonly #parts: AdmissionParts
  readonly #handshake: Handshake
  readonly #rechecks: Rechecks
  readonly #admissions = new WeakMap<Link, Admission>()

  constructor(parts: AdmissionParts, handshake: Handshake, rechecks: Rechecks) {
    this.#parts = parts
    this.#handshake = handshake
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
    const { settings } = this.#parts
    if (!link.request) {
      settings.warn(WITHOUT_REQUEST)
      throw new HandshakeFailure(WITHOUT_REQUEST)
    }
    const admission = this.#admissionOf(link)
    this.#checkNamespaces(admission.waiting)
    admission.waiting += 1
    const connection = await admission.connection.finally(() => {
      admission.waiting -= 1
    })
    if (connection.wasClosed) throw signedOut()
    this.#checkNamespaces(connection.sockets)
    connection.enter(socket)
    return connection
  }

  /** @throws {LiveSessionError} `rate_limited` if a connection in `joined` namespaces may not join another */
  #checkNamespaces(joined: number): void {
    const most = Math.max(NAMESPACES, this.#parts.settings.limits.socketsPerVisitor)
    if (joined >= most) throw new LiveSessionError('rate_limited', `a connection may join at most ${most} namespaces`)
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
    // If the store does not answer, closes the connection: then socket.io reconnects, while it never retries a refused socket.
    if (error instanceof LiveSessionError && error.code === 'store_unavailable') void link.hangUp()
    if (error instanceof LiveSessionError || error instanceof HandshakeFailure) throw error
    // A refusal by middleware, as in a request, is no failure.
    if (!isRefusal(error)) settings.warn(FAILED)
    noteFailure(ctx)
    settings.report(error, ctx)
    throw new HandshakeFailure('an error of the app')
  }

  async #admit(link: Link, ctx: Koa.Context): Promise<Connection> {
    const { connections, features, settings, values } = this.#parts
    const named = await this.#handshake.arrive(ctx)
    // From here on without an await: `Connections` must know the connection before the next end.
    const identity = this.#handshake.recognize(ctx, link, named)
    const { visitor } = identity
    if (connections.count(visitor.subject()) >= settings.limits.socketsPerVisitor)
      return this.#waitForRoom(visitor.subject(), link)
    const owner = visitor.inTab(values.tabOf(visitor.browser))
    const members = features.flatMap(({ connects }) => connects?.(ctx, link) ?? [])
    const connection = new Connection(link, { identity, revision: named.revision, owner, members })
    if (link.isOpen) {
      connections.add(connection)
      this.#rechecks.add(connection)
      link.onClose(() => connections.remove(connection))
    }
    return connection
  }

  async #waitForRoom(name: Subject, link: Link): Promise<never> {
    const { connections, settings } = this.#parts
    const { socketsPerVisitor: most } = settings.limits
    const refusal = new LiveSessionError('rate_limited', `a visitor may have at most ${most} connections`)
    settings.emitRefusal('handshake', refusal)
    settings.warn(`limits.socketsPerVisitor: a user or guest has ${connections.count(name)} ${TOO_MANY}`)
    await connections.waitForRoom(name, link)
    throw new HandshakeFailure('no room')
  }
}
