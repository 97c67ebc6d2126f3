import type { ServerResponse } from 'node:http'
import { onArrival } from '../http/arrival.js'
import type { Connections } from '../sockets/connections.js'
import type { Subject } from './subject.js'

/** Browsers whose id was given up by an answer that is not out yet: until then they bring their former cookie. */
export class Departures {
  readonly #connections: Connections
  /** How many answers are under way that give up each name. */
  readonly #underWay = new Map<string, number>()
  /** Where those who wait learn which names were given up meanwhile. */
  readonly #watching = new Set<Set<string>>()

  constructor(connections: Connections) {
    this.#connections = connections
  }

  isUnderWay(name: string): boolean {
    return this.#underWay.has(name)
  }

  /** Waits, and says which names were given up by answers that have gone out meanwhile. */
  async watch<T>(waiting: Promise<T>): Promise<readonly [T, ReadonlySet<string>]> {
    const names = new Set<string>()
    this.#watching.add(names)
    try {
      return [await waiting, names]
    } finally {
      this.#watching.delete(names)
    }
  }

  /**
   * Ends the connections under the names that a browser gives up, and resolves when they are closed. What comes as the former
   * user before the answer is out may be of this very browser, and ends then: another's comes back at once.
   */
  begin(names: readonly string[], user: Subject | undefined, res: ServerResponse): Promise<void> {
    const ended = this.#connections.end(this.#connections.of(...names), 'other_subject')
    const all = user === undefined ? names : [...names, user]
    const others = new Set(this.#connections.of(...all))
    for (const name of names) this.#count(name, 1)
    onArrival(res, () => {
      for (const name of names) this.#count(name, -1)
      for (const watching of this.#watching) for (const name of names) watching.add(name)
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
