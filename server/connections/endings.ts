// Revokes and erases users. Until a browser has its next cookie, closes the connections of the visitor who has left.

import type { ServerResponse } from 'node:http'
import type Koa from 'koa'
import type { Ends } from '../ends/ends.js'
import type { Feature } from '../feature.js'
import { onHeadersSent } from '../http/headers-sent.js'
import type { StoreClient } from '../store/store-client.js'
import type { UserSubject } from '../subjects/subject.js'
import type { Connections } from './connections.js'

interface EndingParts {
  readonly connections: Connections
  readonly ends: Ends
  readonly store: StoreClient | undefined
  /** Empty until all features are created. */
  readonly features: readonly Feature[]
}

/** A request whose visitor a revocation leaves signed in. */
interface Spared {
  readonly ctx: Koa.Context
  /** Gives the request's browser a new id, and a cookie of the new epoch. */
  readonly rotate: () => Promise<void>
}

/** Ends visitors in this process. `Ends` tells the other processes. */
export class Endings {
  readonly #parts: EndingParts
  /** By retired name, the number of id rotations whose response has not arrived: the browser still sends its former cookie. */
  readonly #pending = new Map<string, number>()

  constructor(parts: EndingParts) {
    this.#parts = parts
  }

  /**
   * Revokes a user's cookies and tickets. Resolves when the user's connections are closed, and the store has confirmed the revocation or
   * did not answer in time.
   *
   * @param spared a request of the user. `revoke` rotates the browser's id before the page's connection closes: the page's next request may
   * still bring the former cookie, and must get the new id
   * @throws {LiveSessionError} `store_unavailable` with `spared`, and revokes nothing: another process may have ended the request's sign-in
   */
  async revoke(user: UserSubject, spared?: Spared): Promise<void> {
    const { ends, store, features } = this.#parts
    const ready = spared ? store?.confirm([user]) : store?.refresh([user])
    const [spares] = await Promise.all([
      spared && Promise.all(features.map(({ spares }) => spares?.(user, spared.ctx))),
      ready,
    ])
    const epoch = ends.nextEpoch(user)
    const stored = spares && Promise.all(spares.map((spare) => spare?.(epoch)))
    ends.revoke(user, epoch, stored)
    try {
      await spared?.rotate()
    } finally {
      await Promise.all([this.#close(user), stored])
    }
  }

  /** Deletes a user's values everywhere. */
  async erase(user: UserSubject): Promise<void> {
    const { ends, store, features } = this.#parts
    await store?.refresh([user])
    // A cookie or ticket that arrives from now on cannot restore the deleted values.
    ends.erase(user)
    await this.#close(user)
    await Promise.all(features.map(({ erases }) => erases?.(user)))
  }

  async #close(user: UserSubject): Promise<void> {
    const { connections, store } = this.#parts
    await connections.close(connections.of(user), 'other_visitor')
    await store?.storedLevel([user])
  }

  /** Returns whether the response that retires a name has not arrived yet. */
  isPending(name: string): boolean {
    return this.#pending.has(name)
  }

  /**
   * Closes the connections under the retired names, and resolves when they are closed. Until the response arrives, this browser still
   * connects with its former cookie. The arrival closes all connections opened since, under these names or by the former user. Other
   * browsers reconnect immediately.
   *
   * @param user the former user
   */
  rotate(names: readonly string[], user: UserSubject | undefined, res: ServerResponse): Promise<void> {
    const { connections, ends } = this.#parts
    const closed = connections.close(connections.of(...names), 'other_visitor')
    const all = user === undefined ? names : [...names, user]
    const others = new Set(connections.of(...all))
    for (const name of names) this.#count(name, 1)
    onHeadersSent(res, () => {
      for (const name of names) {
        this.#count(name, -1)
        // Revokes the name again, for handshakes that began earlier with the former cookie.
        ends.revokeAgain(name)
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
