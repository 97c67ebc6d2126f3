import type { ServerResponse } from 'node:http'
import { onArrival } from '../http/arrival.js'
import type { Connections } from '../sockets/connections.js'
import { Generations } from '../values/generations.js'
import type { Subject } from './subject.js'

/** ms; by then socket.io has long closed a connection that is in no namespace yet. */
const LONGEST_HANDSHAKE = 60 * 60 * 1000

/** Browsers whose id was given up by an answer that is not out yet: until then they bring their former cookie. */
export class Departures {
  readonly #connections: Connections
  /** How many answers are under way that give up each name. */
  readonly #underWay = new Map<string, number>()
  /** Which departure was the last that gave up each name, of those whose answers are out. */
  readonly #left: Generations<number>
  #departures = 0

  constructor(connections: Connections, maxSubjects: number, clock: () => number) {
    this.#connections = connections
    this.#left = Generations.onMap({ max: 10 * maxSubjects, maxIdle: LONGEST_HANDSHAKE, clock })
  }

  isUnderWay(name: string): boolean {
    return this.#underWay.has(name)
  }

  /** How many departures there have been whose answers are out: what `hasLeftSince` counts from. */
  get departures(): number {
    return this.#departures
  }

  /** Whether a name was given up by an answer that went out after there had been so many departures. */
  hasLeftSince(name: string, departures: number): boolean {
    return (this.#left.get(name) ?? 0) > departures
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
      this.#departures += 1
      for (const name of names) {
        this.#count(name, -1)
        this.#left.set(name, this.#departures)
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
