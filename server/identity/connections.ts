import type { LiveSessionErrorCode } from '../../shared/codes.js'
import { isUser, subjectHash } from '../ids/subject.js'
import type { Revocations } from '../values/revocations.js'
import type { Connection } from './connection.js'

const NONE: ReadonlySet<Connection> = new Set()

/** The open connections of this process, by the names of their visitors. */
export class Connections {
  readonly #connections = new Map<string, Set<Connection>>()

  add(connection: Connection): void {
    connection.isWatched = true
    for (const name of connection.names) {
      const connections = this.#connections.get(name) ?? new Set()
      this.#connections.set(name, connections.add(connection))
    }
  }

  remove(connection: Connection): void {
    connection.isWatched = false
    for (const name of connection.names) {
      const connections = this.#connections.get(name)
      connections?.delete(connection)
      if (connections?.size === 0) this.#connections.delete(name)
    }
  }

  /** Returns the connections under these names: a user's, a browser's, or those under a `cookieless` name. */
  of(...names: readonly string[]): readonly Connection[] {
    return [...new Set(names.flatMap((name) => [...this.#under(name)]))]
  }

  all(): readonly Connection[] {
    return this.of(...this.#connections.keys())
  }

  /**
   * Returns the number of sockets under a name. Counts a connection without sockets as well, so that the limit of sockets also bounds the
   * number of connections.
   */
  sockets(name: string): number {
    let sum = 0
    for (const { sockets } of this.#under(name)) sum += Math.max(1, sockets)
    return sum
  }

  /** Called when a name is retired or revoked (a browser's subject, a user's hash or a `cookieless` name): marks its connections whose visitor has left. */
  mark(name: string, revocations: Revocations): void {
    for (const connection of this.#connections.get(name) ?? NONE) {
      const { opener } = connection
      connection.hasVisitorLeft ||= revocations.standing(opener, opener.revision) !== 'current'
    }
  }

  /** Closes connections, and stops counting them immediately. Resolves when they are closed. */
  async close(connections: readonly Connection[], code: LiveSessionErrorCode): Promise<void> {
    for (const connection of connections) this.remove(connection)
    await Promise.all(connections.map((connection) => connection.close(code)))
  }

  /** Closes the connections of a name that a revocation register, from another process or the store, has made invalid. */
  closeInvalid(name: string, revocations: Revocations): void {
    // Keeps connections with a newer cookie: the user may have signed in again.
    const invalid = this.of(name).filter(
      ({ opener }) => !opener.cookie || revocations.standing(opener, opener.revision) !== 'current',
    )
    void this.close(invalid, 'other_visitor')
  }

  /** Returns the connections under a name. A revocation register names a user by the subject, but connections are stored under its hash. */
  #under(name: string): ReadonlySet<Connection> {
    return this.#connections.get(isUser(name) ? subjectHash(name) : name) ?? NONE
  }
}
