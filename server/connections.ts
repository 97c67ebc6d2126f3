import type { Connection } from './connection.js'

/** The open connections of this process, by whose they are. */
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

  /** The connections under a name: a user's, a browser's, or those that `newcomers` names. */
  of(name: string): readonly Connection[] {
    return [...(this.#connections.get(name) ?? [])]
  }

  all(): readonly Connection[] {
    return [...new Set([...this.#connections.values()].flatMap((connections) => [...connections]))]
  }
}
