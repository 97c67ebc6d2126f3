// Tracks id rotations until the browser has received their response, and closes the connections of the former visitor.

import type { ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import onHeaders from 'on-headers'
import type { Revocations } from '../ends/revocations.js'
import type { UserSubject } from '../subjects/subject.js'
import type { Connections } from './connections.js'

/** The id rotations whose response has not arrived: until the response arrives, a browser still sends its former cookie. */
export class PendingRotations {
  readonly #connections: Connections
  readonly #revocations: Revocations
  /** The number of pending responses, by the name that each retires. */
  readonly #pending = new Map<string, number>()

  constructor(connections: Connections, revocations: Revocations) {
    this.#connections = connections
    this.#revocations = revocations
  }

  isPending(name: string): boolean {
    return this.#pending.has(name)
  }

  /**
   * Closes the connections under the retired names, and resolves when they are closed. After the response has arrived, also closes the
   * connections opened meanwhile as the former user, because this browser may have opened some of those. Other browsers reconnect
   * immediately.
   *
   * @param user the former user
   */
  closeConnections(names: readonly string[], user: UserSubject | undefined, res: ServerResponse): Promise<void> {
    const connections = this.#connections
    const closed = connections.close(connections.of(...names), 'other_visitor')
    const all = user === undefined ? names : [...names, user]
    const others = new Set(connections.of(...all))
    for (const name of names) this.#count(name, 1)
    onHeadersSent(res, () => {
      for (const name of names) {
        this.#count(name, -1)
        // Revokes the name again, for handshakes that began earlier with the former cookie.
        this.#revocations.revokeAgain(name)
      }
      const late = connections.of(...all).filter((connection) => !others.has(connection))
      void connections.close(late, 'other_visitor')
    })
    return closed
  }

  #count(name: string, by: number): void {
    const count = (this.#pending.get(name) ?? 0) + by
    if (count === 0) this.#pending.delete(name)
    else this.#pending.set(name, count)
  }
}

// Detects when a browser has received a response.

/** ms for headers to reach a browser on a slow network. */
const ON_THE_WAY = 5000

/** Calls `act` when the browser should have the response's headers. Does not await the end of the body, because a stream may never end. */
export function onHeadersSent(res: ServerResponse, act: () => void): void {
  if (isClosed(res)) {
    act()
    return
  }
  let timer: NodeJS.Timeout | undefined
  const arrive = (): void => {
    clearTimeout(timer)
    res.off('close', arrive)
    act()
  }
  const wait = (): void => {
    if (!isClosed(res)) timer = setTimeout(arrive, ON_THE_WAY).unref()
  }
  res.once('close', arrive)
  if (res.headersSent) wait()
  else onHeaders(res, wait)
}

/** Returns whether `close` was emitted or is about to be. HTTP/2 responses lack `closed`, but their streams have `destroyed`. */
export function isClosed(res: ServerResponse | Http2ServerResponse): boolean {
  return res instanceof Http2ServerResponse ? res.stream.destroyed : res.closed
}
