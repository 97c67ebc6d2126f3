import type { LiveSessionErrorCode } from '../shared/errors.js'
import type { Subject } from './subject.js'

/** What can be ended from the server's side: a socket, so that its browser comes back as whoever it is now. */
export interface Connection {
  end(code: LiveSessionErrorCode): void
}

/** The open sockets of this process, by whose they are: the browser's, and the user's where one is signed in. */
export class Connections {
  readonly #connections = new Map<Subject, Set<Connection>>()

  add(subject: Subject, connection: Connection): void {
    const connections = this.#connections.get(subject) ?? new Set()
    this.#connections.set(subject, connections.add(connection))
  }

  remove(subject: Subject, connection: Connection): void {
    const connections = this.#connections.get(subject)
    connections?.delete(connection)
    if (connections?.size === 0) this.#connections.delete(subject)
  }

  /** Ends the sockets of one browser, or of one user. */
  end(subject: Subject, code: LiveSessionErrorCode): void {
    for (const connection of [...(this.#connections.get(subject) ?? [])]) connection.end(code)
  }

  endAll(code: LiveSessionErrorCode): void {
    for (const subject of [...this.#connections.keys()]) this.end(subject, code)
  }
}
