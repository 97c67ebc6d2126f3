import type { LiveSessionErrorCode } from '../shared/errors.js'

/** What can be ended from the server's side: a socket, so that its browser comes back as whoever it is now. */
export interface Connection {
  end(code: LiveSessionErrorCode): void
}

/** The open sockets of this process, by the browser they are in. */
export class Connections {
  readonly #browsers = new Map<string, Set<Connection>>()

  add(browser: string, connection: Connection): void {
    const connections = this.#browsers.get(browser) ?? new Set()
    this.#browsers.set(browser, connections.add(connection))
  }

  remove(browser: string, connection: Connection): void {
    const connections = this.#browsers.get(browser)
    connections?.delete(connection)
    if (connections?.size === 0) this.#browsers.delete(browser)
  }

  /** Ends the sockets of one browser. */
  end(browser: string, code: LiveSessionErrorCode): void {
    for (const connection of [...(this.#browsers.get(browser) ?? [])]) connection.end(code)
  }

  endAll(code: LiveSessionErrorCode): void {
    for (const browser of [...this.#browsers.keys()]) this.end(browser, code)
  }
}
