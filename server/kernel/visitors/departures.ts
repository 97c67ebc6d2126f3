import type { ServerResponse } from 'node:http'
import type { Epochs } from '../ends/epochs.js'
import type { UserSubject } from '../names/subject.js'
import { onArrival } from './arrival.js'
import type { Connections } from './connections.js'

/** Browsers whose id was given up by a response that is still under way: until it is out they send their former cookie. */
export class Departures {
  readonly #connections: Connections
  readonly #epochs: Epochs
  /** How many responses under way give up each name. */
  readonly #underWay = new Map<string, number>()

  constructor(connections: Connections, epochs: Epochs) {
    this.#connections = connections
    this.#epochs = epochs
  }

  isUnderWay(name: string): boolean {
    return this.#underWay.has(name)
  }

  /**
   * Ends the connections under the names that a browser gives up, and resolves when they are closed. A connection opened as the former user
   * before the response is out may be this browser's, so it is ended then; another browser reconnects at once.
   */
  begin(names: readonly string[], user: UserSubject | undefined, res: ServerResponse): Promise<void> {
    const ended = this.#connections.end(this.#connections.of(...names), 'other_subject')
    const all = user === undefined ? names : [...names, user]
    const others = new Set(this.#connections.of(...all))
    for (const name of names) this.#count(name, 1)
    onArrival(res, () => {
      for (const name of names) {
        this.#count(name, -1)
        // Again: a handshake that began earlier brought the former cookie, too.
        this.#epochs.endAgain(name)
      }
      const late = this.#connections.of(...all).filter((connection) => !others.has(connection))
      void this.#connections.end(late, 'other_subject')
    })
    return ended
  }

  #count(name: string, by: number): void {
    const count = (this.#underWay.get(name) ?? 0) + by
    if (count === 0) this.#underWay.delete(name)
    else this.#underWay.set(name, count)
  }
}
