import type { JsonValue } from '../../shared/json.js'
import { type BuildName, builds } from './builds.js'
import { Knowledge } from './knowledge.js'
import type { Process } from './process.js'
import type { StoreLine } from './store-line.js'

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
  /** How often memory had to let go of what no socket holds. */
  evictions = 0
  /** It has ended: whatever it still does has no effect. */
  isOver = false
  readonly now: () => number

  constructor(index: number, process: Process, { now, onJoin, line }: Surroundings) {
    this.index = index
    this.process = process
    this.now = now
    this.line = line
    this.knowledge = new Knowledge({ isDeclared: (key) => this.isDeclared(key), onJoin, now })
  }

  get build(): BuildName {
    return this.process.build
  }

  isDeclared(key: string): boolean {
    return key in builds[this.build]
  }

  /** Its process has ended. */
  end(): void {
    this.isOver = true
    if (this.line) this.line.isCut = true
  }

  /** What no socket holds may have been forgotten. */
  evict(held: ReadonlySet<string>): void {
    this.evictions += 1
    this.knowledge.evict(held)
    for (const sub of this.loads.keys()) if (!held.has(sub)) this.loads.delete(sub)
  }
}
