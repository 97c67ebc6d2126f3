import type { Store, StoredRegister } from '../../server/types/store.js'
import { LiveSessionError } from '../../shared/errors.js'
import { GENERATION, isSame, type Registers, readName } from './registers.js'
import type { Asked, SharedStore } from './shared-store.js'

/** A call to load a subject, to load it for another purpose (`aside`), or to merge registers. */
export type Question = 'load' | 'aside' | 'merge'

/** A `Question`, or the first half of a user's write, which merges the user's revocation and erasure. */
type Asking = Question | 'half'

interface Doomed {
  readonly next: number
  readonly name: string
  readonly rows: Registers
  /** Whether the erasure is stored, so that the removal of the values must follow. */
  isBegun: boolean
}

interface Half {
  readonly rows: readonly StoredRegister[]
  hasSecond: boolean
}

export type OnAnswer = (asked: Question, name: string, rows: readonly StoredRegister[]) => void

/** A node's connection to the store, whose calls wait for the schedule. */
export class StoreLine implements Store {
  /** The schedule decides when the store forgets. */
  readonly maxIdle: number = Number.POSITIVE_INFINITY
  readonly #store: SharedStore
  readonly #onAnswer: OnAnswer
  /** Whether its process has ended, so calls have no effect. */
  isCut = false
  /** Whether its process is stopped, so calls are performed but not answered. */
  isAsleep = false
  /** Whether its last answer was immediate and no error. */
  isSound = true
  troubles = 0
  fault: string | undefined
  readonly #doomed = new Map<string, Doomed>()
  readonly #asking = new Map<string, number>()
  /** The stored revocation and erasure from the first half of a write, by user. */
  readonly #halves = new Map<string, Half>()
  /** Names whose first write of a key was refused. */
  readonly #refused = new Set<string>()

  constructor(store: SharedStore, onAnswer: OnAnswer) {
    this.#store = store
    this.#onAnswer = onAnswer
  }

  /** Whether the process must know that the store answers in time. */
  get isWell(): boolean {
    return this.isSound && this.#store.weather === 'fair'
  }

  erases(user: string, name: string, next: number): void {
    this.#doomed.set(user, { next, name, rows: this.#store.rows(name), isBegun: false })
  }

  async load(name: string): Promise<readonly StoredRegister[]> {
    // After a refused first write, the load looks only for a row that is no register.
    const asked: Question = this.#refused.delete(name) ? 'aside' : 'load'
    const { base } = readName(name)
    this.#asking.set(base, (this.#asking.get(base) ?? 0) + 1)
    const answer = this.#ask(
      name,
      (content) => content.load(name),
      [],
      () => asked,
    )
    const end = (): unknown => this.#asking.set(base, (this.#asking.get(base) ?? 0) - 1)
    void answer.then(end, end)
    return answer
  }

  mustAsk(user: string): boolean {
    return (this.#asking.get(user) ?? 0) > 0
  }

  async merge(name: string, registers: readonly StoredRegister[]): Promise<readonly StoredRegister[]> {
    const isHalf = registers.at(-1)?.key === GENERATION
    const first = this.#halves.get(readName(name).base)
    if (first && !isHalf) first.hasSecond = true
    return this.#ask(
      name,
      (content) => content.merge(name, registers),
      registers,
      () => (isHalf ? 'half' : 'merge'),
    )
  }

  async compareAndSet(name: string, register: StoredRegister, expected: number): Promise<boolean> {
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
    return this.#remove(name, (content) => content.remove(name))
  }

  removeValues(name: string): Promise<void> {
    return this.#remove(name, async (content) => content.removeValues?.(name))
  }

  #remove(name: string, remove: (content: Store) => Promise<void>): Promise<void> {
    for (const doomed of this.#doomed.values()) if (doomed.name === name) doomed.isBegun = false
    const act = (content: Store): Promise<void> => {
      for (const [user, doomed] of this.#doomed) if (doomed.name === name) this.#doomed.delete(user)
      this.#store.removes(name)
      return remove(content)
    }
    return this.#store.ask({ line: this, name, act, ghost: undefined, isWhole: () => false })
  }

  async sweep(): Promise<number> {
    return 0
  }

  async close(): Promise<void> {}

  #ask(
    name: string,
    act: Asked<readonly StoredRegister[]>['act'],
    ghost: readonly StoredRegister[],
    asked: () => Asking,
  ): Promise<readonly StoredRegister[]> {
    const onAnswer = (rows: readonly StoredRegister[]): void => {
      const question = asked()
      if (question === 'half') {
        this.#checkErasure(name, ghost)
        this.#keepHalf(name, { rows, hasSecond: false })
      } else {
        const { base } = readName(name)
        if (question === 'merge' && base !== name) this.#tellHalf(base)
        this.#onAnswer(question, name, rows)
      }
    }
    return this.#store.ask({ line: this, name, act, ghost, onAnswer, isWhole: () => asked() === 'load' })
  }

  /** A node handles a user's revocation and erasure together with the values, which have another name in the store. */
  #keepHalf(user: string, half: Half): void {
    this.#halves.set(user, half)
    // Without values a write has no second half, which the node would ask for before this runs.
    setImmediate(() => {
      if (!half.hasSecond && this.#halves.get(user) === half) this.#tellHalf(user)
    })
  }

  #tellHalf(user: string): void {
    const half = this.#halves.get(user)
    if (!half) return
    this.#halves.delete(user)
    this.#onAnswer('merge', user, half.rows)
  }

  /**
   * A node must remove a user's values before storing the erasure, or at once after it if both have the same name. Another node may store
   * it meanwhile.
   */
  #checkErasure(name: string, written: readonly StoredRegister[]): void {
    const doomed = this.#doomed.get(name)
    if (!doomed || (written.find(({ key }) => key === GENERATION)?.stamp ?? 0) < doomed.next) return
    if (doomed.name === name && !doomed.isBegun) {
      doomed.isBegun = true
      return
    }
    const now = this.#store.rows(doomed.name)
    for (const [key, row] of doomed.rows) {
      if (row.value === undefined || !isSame(row, now.get(key))) continue
      this.fault ??= `the store gets the erasure of ${name}, but keeps ${key} = ${JSON.stringify(row.value)}`
    }
  }
}

/** Whether a process had reason for this error: a failing store, or the schedule. */
export function isExpected(error: unknown, line: StoreLine | undefined): boolean {
  const isOfStore = error instanceof LiveSessionError && error.code === 'store_unavailable'
  return String(error).includes('on purpose') || (isOfStore && line !== undefined && line.troubles > 0)
}
