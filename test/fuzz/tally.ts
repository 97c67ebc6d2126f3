import { takeSteps } from '../support/app/work.js'

/** What must never happen. */
export type Harm = 'crash' | '5xx' | 'forged' | 'leak' | 'wrong answer'

/** Inputs between two counts of the library's steps: a count takes as long as many inputs. */
const BATCH = 100
/** Steps that one input may cost more than others: a loop over each character of the longest body is fewer. */
const MOST_STEPS = 2_000_000
/** After that many findings the rest would say the same. */
const ENOUGH = 10

/** Counts what became of the inputs, and keeps what must not have happened. */
export class Tally {
  readonly findings: string[] = []
  /** How often each outcome was seen: a code with its status, or `ok`. */
  readonly outcomes = new Map<string, number>()
  readonly #harms = new Map<Harm, number>()
  readonly #seed: number
  #inputs = 0
  #wired = 0
  #mostSteps = 0

  constructor(seed: number) {
    this.#seed = seed
    takeSteps()
  }

  get isFull(): boolean {
    return this.findings.length >= ENOUGH
  }

  begin(): void {
    if (this.#inputs % BATCH === 0) this.countSteps()
    this.#inputs += 1
  }

  beginWire(): void {
    this.#wired += 1
  }

  outcome(name: string): void {
    this.outcomes.set(name, (this.outcomes.get(name) ?? 0) + 1)
  }

  harm(harm: Harm, what: string, input?: unknown): void {
    this.#harms.set(harm, this.count(harm) + 1)
    if (this.isFull) return
    const shown = input === undefined ? '' : `: ${show(input)}`
    this.findings.push(`FUZZ_SEED=${this.#seed}, input ${this.#inputs - 1}: ${harm}: ${what}${shown}`)
  }

  count(harm: Harm): number {
    return this.#harms.get(harm) ?? 0
  }

  /** Counts the steps of the inputs since the last count. */
  countSteps(): void {
    const steps = takeSteps()
    this.#mostSteps = Math.max(this.#mostSteps, steps)
    if (steps > MOST_STEPS) this.harm('wrong answer', `the last ${BATCH} inputs took ${steps} steps`)
  }

  toString(): string {
    const count = (value: number): string => value.toLocaleString('en')
    return (
      `fuzz: ${count(this.#inputs)} inputs (seed ${this.#seed}; ${count(this.#wired)} of them over the network too), ` +
      `${this.count('crash')} crashes, ${this.count('5xx')} 5xx, ${this.count('forged') + this.count('leak')} forged accepted, ` +
      `${this.count('wrong answer')} wrong answers, ${count(this.#mostSteps)} steps at most for ${BATCH} inputs\n`
    )
  }
}

function show(input: unknown): string {
  return (JSON.stringify(input, readable) ?? String(input)).slice(0, 1500)
}

/** A buffer, which its own toJSON has made a list of numbers by now, as text. */
function readable(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('data' in value)) return value
  return value.type === 'Buffer' && Array.isArray(value.data) ? Buffer.from(value.data).toString() : value
}
