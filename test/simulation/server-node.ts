import type { JsonValue } from '../../shared/json.js'
import { type BuildName, builds } from './builds.js'
import { Knowledge } from './knowledge.js'
import type { Process } from './process.js'
import type { StoreLine } from './store-line.js'

/** ms after which no browser id counts as young that was made before. */
const YOUTH = 600_000

/** What a node is told of, or given. */
interface Surroundings {
  /** ms since 1970, by this node's clock */
  now(this: void): number
  /** Told of what an app's own rule adds to what an account has. */
  onJoin(this: void, user: string, value: JsonValue): void
  readonly line: StoreLine | undefined
}

/** One process of the app, from its start to its end, and what must be true of it. */
export class ServerNode {
  readonly index: number
  readonly process: Process
  readonly knowledge: Knowledge
  /** To the store, where there is one. */
  readonly line: StoreLine | undefined
  /** When the store has answered with all that it has of a subject, by hash and by this node's clock. */
  readonly loads: Map<string, number> = new Map()
  /** It has ended: whatever it still does has no effect. */
  isOver = false
  readonly now: () => number
  readonly #start: number
  /** Browser ids that it has made while ids from before its start may have been young. */
  readonly #made = new Set<string>()
  readonly #heard = new Set<string>()

  constructor(index: number, process: Process, { now, onJoin, line }: Surroundings) {
    this.index = index
    this.process = process
    this.now = now
    this.line = line
    this.#start = now()
    this.knowledge = new Knowledge({ isDeclared: (key) => this.isDeclared(key), onJoin, now })
  }

  get build(): BuildName {
    return this.process.build
  }

  isDeclared(key: string): boolean {
    return key in builds[this.build]
  }

  /** The store has said that a browser id was given up. */
  hears(browser: string): void {
    this.#heard.add(browser)
  }

  /** Whether it has. */
  hasHeard(browser: string): boolean {
    return this.#heard.has(browser)
  }

  /** It has made a browser id. */
  made(browser: string): void {
    if (this.#isGrownUp) this.#made.clear()
    else this.#made.add(browser)
  }

  /** Whether it has seen all that became of a young browser id: what was before its start it must not speak for. */
  hasSeen(browser: string): boolean {
    return this.#isGrownUp || this.#made.has(browser)
  }

  get #isGrownUp(): boolean {
    return this.now() - this.#start >= YOUTH
  }

  /** Its process has ended. */
  end(): void {
    this.isOver = true
    if (this.line) this.line.isCut = true
  }

  /** What no socket holds may have been forgotten. */
  evict(held: ReadonlySet<string>): void {
    this.knowledge.evict(held)
    for (const sub of this.loads.keys()) if (!held.has(sub)) this.loads.delete(sub)
  }
}
