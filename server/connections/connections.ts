// Finds and closes the open connections of this process, by the names of their visitors.

import type { LiveSessionErrorCode } from '../../shared/codes.js'
import type { Ends } from '../ends/ends.js'
import type { PageIdentity } from '../identity/identified.js'
import type { GuestMemory } from '../memory/guest-memory.js'
import type { Emit, Link, PageSocket } from '../memory/link.js'
import { isUser, signOutKey, subjectHash } from '../subjects/subject.js'
import type { Visitor } from '../subjects/visitor.js'

const NONE: ReadonlySet<Connection> = new Set()
/** Maximum unread bytes of a connection: twice the largest event that socket.io accepts by default. */
const MOST_UNREAD = 2_000_000
/** Unread bytes that any page may have for a moment. */
const USUAL = 64_000

export class Connections {
  readonly #ends: Ends
  readonly #guestMemory: GuestMemory
  readonly #connections = new Map<string, Set<Connection>>()
  /** The connections that wait for room, by their visitor's name. */
  readonly #waiting = new Map<string, Set<Link>>()

  constructor(ends: Ends, guestMemory: GuestMemory) {
    this.#ends = ends
    this.#guestMemory = guestMemory
    ends.watch({ ended: (name) => this.#mark(name), endedElsewhere: (name) => this.#closeInvalid(name) })
  }

  add(connection: Connection): void {
    connection.isWatched = true
    connection.link.onPacket(this.#closeIfUnread)
    for (const name of connection.names) {
      const connections = this.#connections.get(name) ?? new Set()
      this.#connections.set(name, connections.add(connection))
    }
  }

  remove(connection: Connection): void {
    connection.isWatched = false
    this.#guestMemory.pin(connection.link, 0)
    for (const name of connection.names) {
      const connections = this.#connections.get(name)
      if (!connections?.delete(connection)) continue
      if (connections.size === 0) this.#connections.delete(name)
      this.#callNext(name)
    }
  }

  /** Returns the connections under these names. A name is a user's, a browser's, or the sign-out key of a user. */
  of(...names: readonly string[]): readonly Connection[] {
    return [...new Set(names.flatMap((name) => [...this.#under(name)]))]
  }

  all(): readonly Connection[] {
    return this.of(...this.#connections.keys())
  }

  /** Returns the number of connections under a name, including those without sockets. */
  count(name: string): number {
    return this.#under(name).size
  }

  /**
   * Leaves a connection unanswered until it closes: at the latest after socket.io's `connectTimeout`, or when a connection under the name
   * closes. Sockets of a closed connection reconnect by themselves, refused sockets do not.
   */
  async waitForRoom(name: string, link: Link): Promise<void> {
    if (!link.isOpen) return
    const key = keyOf(name)
    const waiting = this.#waiting.get(key) ?? new Set()
    this.#waiting.set(key, waiting.add(link))
    await new Promise<void>((resolve) => link.onClose(resolve))
    waiting.delete(link)
    if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key)
  }

  /** Closes the connection that has waited longest for room. Its browser then reconnects by itself. */
  #callNext(name: string): void {
    const waiting = this.#waiting.get(name)
    const [next] = waiting ?? []
    if (!next) return
    // Closing takes a while: a place that becomes free meanwhile is for the next waiting connection.
    waiting?.delete(next)
    void next.hangUp()
  }

  /** Returns whether a connection's visitor has left, even if the connection is closed. */
  hasGone(connection: Connection): boolean {
    const { hasVisitorLeft, isWatched } = connection
    return hasVisitorLeft || (!isWatched && !connection.isCurrent(this.#ends))
  }

  /**
   * Closes a connection if its visitor has left, and returns true. If the message about a revocation was lost, a later cookie of the user
   * reveals the revocation.
   */
  closeIfLeft(connection: Connection): boolean {
    if (!this.hasGone(connection)) return false
    void this.close([connection], 'other_visitor')
    return true
  }

  /**
   * Closes a connection with too many unread bytes. Counts a smaller number toward the guest memory, which may close the connection later.
   * No value is lost, because a page gets all values when it reconnects.
   */
  readonly #closeIfUnread = (link: Link): void => {
    const { unread } = link
    const isTooMuch = unread > MOST_UNREAD
    this.#guestMemory.pin(link, unread > USUAL && !isTooMuch ? unread : 0, () => {
      // Since the count, the browser may have read its packets.
      if (link.unread > USUAL) link.terminate()
    })
    if (isTooMuch) link.terminate()
  }

  /** Marks the connections under an ended name whose visitor has left. */
  #mark(name: string): void {
    for (const connection of this.#connections.get(name) ?? NONE)
      connection.hasVisitorLeft ||= !connection.isCurrent(this.#ends)
  }

  /** Stops counting the connections immediately, and closes them. Resolves when all are closed. */
  async close(connections: readonly Connection[], code: LiveSessionErrorCode): Promise<void> {
    for (const connection of connections) this.remove(connection)
    await Promise.all(connections.map((connection) => connection.close(code)))
  }

  /** Closes the connections under a name that are invalid after an end that another process has begun. */
  #closeInvalid(name: string): void {
    // Keeps connections with a newer cookie: the user may have signed in again.
    const invalid = this.of(name).filter(
      (connection) => !connection.identity.cookie || !connection.isCurrent(this.#ends),
    )
    void this.close(invalid, 'other_visitor')
  }

  #under(name: string): ReadonlySet<Connection> {
    return this.#connections.get(keyOf(name)) ?? NONE
  }
}

/** Returns the key of a name. Revocation registers name a user by the subject, but the maps have the subject's hash as the key. */
function keyOf(name: string): string {
  return isUser(name) ? subjectHash(name) : name
}

interface SocketHandle {
  /** Tells the browser to reconnect, and ignores all further input. */
  dismiss(code: LiveSessionErrorCode): void
  /** Sends an event to the page, if the socket is open. */
  readonly emit: Emit
}

/** A connection with its sockets in all namespaces, possibly none. */
export class Connection {
  /** The visitor, identified in the handshake. */
  readonly identity: PageIdentity
  /** `Ends.revision` when the handshake called `identify`. */
  readonly revision: number
  /** The visitor with the connection's tab: the owner of the page's values. */
  readonly owner: Visitor
  /** Functions of the features, each of which adds members to a socket. */
  readonly members: readonly ((socket: PageSocket) => void)[]
  readonly link: Link
  /** The open sockets. The value is a socket's handle, or undefined until the socket is admitted. */
  readonly #handles = new Map<PageSocket, SocketHandle | undefined>()
  /** Whether the visitor has left. While the connection is watched, `Connections` updates this member at each end. */
  hasVisitorLeft = false
  /**
   * Whether `Connections` updates `hasVisitorLeft`. After the close it does not: for handlers still running, the socket asks `Ends`.
   */
  isWatched = false
  /** Whether `close` has ended the connection, as after a change of its visitor; false after any other end. */
  wasClosed = false

  constructor(
    link: Link,
    { identity, revision, owner, members }: Pick<Connection, 'identity' | 'revision' | 'owner' | 'members'>,
  ) {
    this.link = link
    this.identity = identity
    this.revision = revision
    this.owner = owner
    this.members = members
  }

  /** The names by which `Connections` finds this connection. */
  get names(): readonly string[] {
    const { userSub, browserSubject } = this.owner
    if (userSub === undefined) return [browserSubject]
    return [userSub, browserSubject, ...(this.identity.cookie ? [] : [signOutKey(userSub)])]
  }

  /** Returns whether the visitor is still current after the revocations since the handshake. */
  isCurrent(ends: Ends): boolean {
    return ends.validitySince(this.identity, this.revision) === 'current'
  }

  /** The number of sockets, including those in admission. */
  get sockets(): number {
    // socket.io emits no event for a socket rejected during admission, but removes the socket from all rooms.
    for (const [socket, handle] of this.#handles)
      if (!handle && !socket.rooms.has(socket.id)) this.#handles.delete(socket)
    return this.#handles.size
  }

  /** Counts a socket, before its admission. */
  enter(socket: PageSocket): void {
    // While the socket is in this room, `sockets` knows that the socket is not rejected. socket.io joins the same room at admission.
    void socket.join(socket.id)
    this.#handles.set(socket, undefined)
  }

  /**
   * Records the admission of a socket. Afterwards `sockets` ignores the socket's rooms, because the app may make the socket leave any room.
   */
  add(handle: SocketHandle, socket: PageSocket): void {
    this.#handles.set(socket, handle)
  }

  remove(socket: PageSocket): void {
    this.#handles.delete(socket)
  }

  /** Sends an event to the page in each namespace. */
  emit: Emit = (event, ...args) => {
    for (const handle of this.#handles.values()) handle?.emit(event, ...args)
  }

  /**
   * Closes the connection so that its browser reconnects as the current visitor, which `disconnect(true)` would prevent. Also closes
   * sockets in admission. Resolves when the connection is closed.
   */
  async close(code: LiveSessionErrorCode): Promise<void> {
    this.wasClosed = true
    this.hasVisitorLeft = true
    for (const handle of [...this.#handles.values()]) handle?.dismiss(code)
    await this.link.hangUp()
  }
}
