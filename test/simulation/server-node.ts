import type { JsonValue } from '../../shared/json.js'
import { type BuildName, builds } from './builds.js'
import { Knowledge } from './knowledge.js'
import type { Process } from './process.js'

/** What one start of the app must know of the rest. */
interface Surroundings {
  /** ms since 1970, by this node's clock */
  now(this: void): number
  /** Told of what an app's own rule adds to what an account has. */
  onJoin(this: void, user: string, value: JsonValue): void
}

/** One process of the app, from its start to its end: what is true of it alone. */
export class ServerNode {
  readonly index: number
  readonly process: Process
  readonly knowledge: Knowledge
  /** It has ended: whatever it still does has no effect. */
  isOver = false
  readonly now: () => number

  constructor(index: number, process: Process, { now, onJoin }: Surroundings) {
    this.index = index
    this.process = process
    this.now = now
    this.knowledge = new Knowledge({ isDeclared: (key) => key in builds[this.build], onJoin, now })
  }

  get build(): BuildName {
    return this.process.build
  }

  isDeclared(key: string): boolean {
    return key in builds[this.build]
  }
}
