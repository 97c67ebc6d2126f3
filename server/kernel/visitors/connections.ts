import type { LiveSessionErrorCode } from '../../../shared/errors.js'
import type { Epochs } from '../ends/epochs.js'
import type { Connection } from './connection.js'

/** The connections of this process that have not ended, by the names of their visitors. */
export class Connections {
  readonly #connections = new Map<string, Set<Connection>>()

  add(connection: Connection): void {
    for (const name of connection.names) {
      const connections = this.#connections.get(name) ?? new Set()
      this.#connections.set(name, connections.add(connection))
    }
  }

  remove(connection: Connection): void {
    for (const name of connection.names) {
      const connections = this.#connections.get(name)
      connections?.delete(connection)
      if (connections?.size === 0) this.#connections.delete(name)
    }
  }

  /** The connections under these names: a user's, a browser's, or those that `cookieless` names. */
  of(...names: readonly string[]): readonly Connection[] {
    return [...new Set(names.flatMap((name) => [...(this.#connections.get(name) ?? [])]))]
  }

  all(): readonly Connection[] {
    return this.of(...this.#connections.keys())
  }

  /**
   * Returns how many sockets there are under a name. A connection in no namespace also counts, so that a subject never has more connections
   * to iterate over than the limit allows it sockets.
   */
  sockets(name: string): number {
    let sum = 0
    for (const { sockets } of this.#connections.get(name) ?? []) sum += Math.max(1, sockets)
    return sum
  }

  /** Ends connections, which no longer count from now on. Resolves when they are closed. */
  async end(connections: readonly Connection[], code: LiveSessionErrorCode): Promise<void> {
    for (const connection of connections) this.remove(connection)
    await Promise.all(connections.map((connection) => connection.end(code)))
  }

  /** Ends the connections that are over by an end which another process has made, whichever way the news has come. */
  endOver(name: string, epochs: Epochs): void {
    // The user may be signed in again, with a cookie from after the end.
    const over = this.of(name).filter(({ opener: { cookie } }) => !cookie || !epochs.isCurrent(cookie))
    void this.end(over, 'other_subject')
  }
}
