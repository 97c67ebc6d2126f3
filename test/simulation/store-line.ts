import type { Store, StoredRow } from '../../server/stores/store.js'
import { LiveSessionError } from '../../shared/errors.js'
import { isSame, type Registers } from './registers.js'
import type { Asked, SharedStore } from './shared-store.js'
import { GENERATION, readName } from './told.js'

/** All that it has of a name; the same, for another end than to know it; or what stands of some keys. */
export type Question = 'load' | 'aside' | 'merge'

/** The same, or what has ended for a user, as the first half of what is written of that one. */
type Asking = Question | 'half'

interface Load {
  readonly name: string
  asked: Question
}

/** What the store had of a user as the node erased that one. */
interface Doomed {
  /** The generation that has begun since. */
  readonly next: number
  /** By which name it was stored. */
  readonly name: string
  readonly rows: Registers
}

/** What a node is told by the store. */
export type OnAnswer = (asked: Question, name: string, rows: readonly StoredRow[]) => void

/** One node's connection to the store: what it asks waits there for the schedule. */
export class StoreLine implements Store {
  /** When it forgets is not for a clock to say. */
  readonly maxIdle: number = Number.POSITIVE_INFINITY
  readonly #store: SharedStore
  readonly #onAnswer: OnAnswer
  /** Its process has ended: what that asks has no effect. */
  isCut = false
  /** Its process is stopped: what it has asked is done, and not answered. */
  isAsleep = false
  /** Its newest answer came at once, and was no error. */
  isSound = true
  /** The newest. */
  #load: Load | undefined
  /** How often it had to wait, or was refused. */
  troubles = 0
  /** What of an erasure was not done. */
  fault: string | undefined
  /** By the user's name, what the node has not removed yet. */
  readonly #doomed = new Map<string, Doomed>()
  /** By name, how often it is asked what it has and has not answered yet. */
  readonly #asking = new Map<string, number>()
  /** By the user's name, what was answered to the first half of a write: what has ended for that user. */
  readonly #halves = new Map<string, readonly StoredRow[]>()
  /** Names under which a first write of a key was refused. */
  readonly #refused = new Set<string>()

  constructor(store: SharedStore, onAnswer: OnAnswer) {
    this.#store = store
    this.#onAnswer = onAnswer
  }

  /** Whether a process must have noticed that the store is there, and in time. */
  get isWell(): boolean {
    return this.isSound && this.#store.weather === 'fair'
  }

  /** Its node erases what a user had under a name. */
  erases(user: string, name: string, next: number): void {
    this.#doomed.set(user, { next, name, rows: this.#store.rows(name) })
  }

  async load(name: string): Promise<readonly StoredRow[]> {
    // Whether a row is in its way that is no register is looked up at once, for nothing else.
    const load: Load = { name, asked: this.#refused.delete(name) ? 'aside' : 'load' }
    this.#load = load
    const { base } = readName(name)
    this.#asking.set(base, (this.#asking.get(base) ?? 0) + 1)
    const answer = this.#ask(
      name,
      (content) => content.load(name),
      [],
      () => load.asked,
    )
    const end = (): unknown => this.#asking.set(base, (this.#asking.get(base) ?? 0) - 1)
    void answer.then(end, end)
    return answer
  }

  /** Whether it is asked what it has of a user, and has not answered yet. */
  isAsking(user: string): boolean {
    return (this.#asking.get(user) ?? 0) > 0
  }

  async merge(name: string, registers: readonly StoredRow[]): Promise<readonly StoredRow[]> {
    const isHalf = registers.at(-1)?.key === GENERATION
    return this.#ask(
      name,
      (content) => content.merge(name, registers),
      registers,
      () => (isHalf ? 'half' : 'merge'),
    )
  }

  async compareAndSet(name: string, register: StoredRow, expected: number): Promise<boolean> {
    const isSet = await this.#store.ask({
      line: this,
      name,
      act: (content) => content.compareAndSet(name, register, expected),
      ghost: true,
      isComparing: true,
      isWhole: () => true,
    })
    if (!isSet && expected === 0) this.#refused.add(name)
    return isSet
  }

  remove(name: string): Promise<void> {
    // What stands there is looked up together with it, for nothing else.
    if (this.#load?.name === name) this.#load.asked = 'aside'
    const act = (content: Store): Promise<void> => {
      for (const [user, doomed] of this.#doomed) if (doomed.name === name) this.#doomed.delete(user)
      this.#store.removes(name)
      return content.remove(name)
    }
    return this.#store.ask({ line: this, name, act, ghost: undefined, isWhole: () => false })
  }

  async sweep(): Promise<number> {
    return 0
  }

  async close(): Promise<void> {}

  #ask(
    name: string,
    act: Asked<readonly StoredRow[]>['act'],
    ghost: readonly StoredRow[],
    asked: () => Asking,
  ): Promise<readonly StoredRow[]> {
    const onAnswer = (rows: readonly StoredRow[]): void => {
      const question = asked()
      if (question === 'half' || question === 'merge') this.#checkErasure(name)
      if (question === 'half') this.#halves.set(name, rows)
      else {
        if (question === 'merge') this.#tellHalf(name)
        this.#onAnswer(question, name, rows)
      }
    }
    return this.#store.ask({ line: this, name, act, ghost, onAnswer, isWhole: () => asked() === 'load' })
  }

  /** What has ended for a user a node hears once the values are written as well, which are by another name. */
  #tellHalf(name: string): void {
    const { base } = readName(name)
    const half = base === name ? undefined : this.#halves.get(base)
    if (!half) return
    this.#halves.delete(base)
    this.#onAnswer('merge', base, half)
  }

  /** Before a node has the store say that a user was erased, it has that removed which stood there. */
  #checkErasure(name: string): void {
    const doomed = this.#doomed.get(name)
    if (!doomed || (this.#store.rows(name).get(GENERATION)?.stamp ?? 0) < doomed.next) return
    const now = this.#store.rows(doomed.name)
    for (const [key, row] of doomed.rows) {
      if (row.value === undefined || !isSame(row, now.get(key))) continue
      this.fault ??= `the store is told that ${name} was erased, and keeps ${key} = ${JSON.stringify(row.value)}`
    }
  }
}

/** Whether a process had reason to report that: its store was not there, or the schedule has it fail. */
export function isExpected(error: unknown, line: StoreLine | undefined): boolean {
  const isOfStore = error instanceof LiveSessionError && error.code === 'store_unavailable'
  return String(error).includes('on purpose') || (isOfStore && line !== undefined && line.troubles > 0)
}
