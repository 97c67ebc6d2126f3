import { takeSteps } from '../support/app/work.js'

/** Kinds of findings. */
export type Harm = 'crash' | '5xx' | 'forged' | 'leak' | 'wrong answer'

/** Inputs between two counts of the library's steps, because a count is slow. */
const BATCH = 100
/** More steps than a loop over each character of the longest body. */
const MOST_STEPS = 2_000_000
/** The run ends after so many findings. */
const ENOUGH = 10

/** Counts outcomes, and collects findings. */
export class Tally {
  readonly findings: string[] = []
  /** The number of each outcome: a code with its status, or `ok`. */
  readonly outcomes = new Map<string, number>()
  readonly #seed: number
  #inputs = 0
  #mostSteps = 0

  constructor(seed: number) {
    this.#seed = seed
    takeSteps()
  }

  get isFull(): boolean {
    return this.findings.length >= ENOUGH
  }

  begin(): void {
    if (this.#inputs > 0 && this.#inputs % BATCH === 0) this.countSteps()
    this.#inputs += 1
  }

  outcome(name: string): void {
    this.outcomes.set(name, (this.outcomes.get(name) ?? 0) + 1)
  }

  harm(harm: Harm, what: string, input?: unknown): void {
    if (this.isFull) return
    const shown = input === undefined ? '' : `: ${show(input)}`
    this.findings.push(`FUZZ_SEED=${this.#seed}, input ${this.#inputs - 1}: ${harm}: ${what}${shown}`)
  }

  /** Counts the steps of the inputs since the last count. */
  countSteps(): void {
    const steps = takeSteps()
    this.#mostSteps = Math.max(this.#mostSteps, steps)
    if (steps === 0) throw new Error('expected steps of the library')
    if (steps > MOST_STEPS) this.harm('wrong answer', `the last ${BATCH} inputs took ${steps} steps`)
  }

  toString(): string {
    const [inputs, steps] = [this.#inputs, this.#mostSteps].map((count) => count.toLocaleString('en'))
    return `fuzz: ${inputs} inputs (seed ${this.#seed}), ${this.findings.length} findings, at most ${steps} steps for ${BATCH} inputs\n`
  }
}

function show(input: unknown): string {
  return (JSON.stringify(input, readable) ?? String(input)).slice(0, 1500)
}

/** Shows a buffer, which toJSON has converted to a list of numbers, as text. */
function readable(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('data' in value)) return value
  return value.type === 'Buffer' && Array.isArray(value.data) ? Buffer.from(value.data).toString() : value
}
