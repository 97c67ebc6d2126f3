import type { Connection } from './connection.js'
import { type Subject, subjectHash } from './subject.js'
import type { Visitor } from './visitor.js'

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

  /** The connections of a user, of a browser, or those that `newcomers` names. */
  of(name: string): readonly Connection[] {
    return [...(this.#connections.get(name) ?? [])]
  }

  all(): readonly Connection[] {
    return [...new Set([...this.#connections.values()].flatMap((connections) => [...connections]))]
  }
}

/** Names the connections that a user opened before the browser had a live cookie: which browser's they are, nobody knows. */
export function newcomers(user: string): string {
  return `new:${user}`
}

/** Under which names a visitor's connection is found. */
export function namesOf({ user, browserSubject }: Visitor, isNew: boolean): readonly string[] {
  const names: (Subject | undefined)[] = [user, browserSubject]
  if (isNew && user !== undefined) names.push(newcomers(subjectHash(user)))
  return names.filter((name) => name !== undefined)
}
