import { slowness, stopwatch } from '../support/cpu-time.js'

/** What must never happen. */
export type Harm = 'crash' | '5xx' | 'forged' | 'leak' | 'wrong answer'

/** ms of CPU time for which one input may keep the other visitors waiting, on the machine where this was set. */
const LONGEST_BLOCK = 50
/** How often an input that took so many ms is tried again: a pause of the process is not the input's. */
const SLOW = 25
const ATTEMPTS = 6
/** After that many findings the rest would say the same. */
const ENOUGH = 10

/** Counts what became of the inputs, and keeps what must not have happened. */
export class Tally {
  readonly findings: string[] = []
  /** How often each outcome was seen: a code with its status, or `ok`. */
  readonly outcomes = new Map<string, number>()
  readonly #harms = new Map<Harm, number>()
  readonly #seed: number
  readonly #slow = SLOW * slowness()
  #inputs = 0
  #wired = 0
  #longest = 0

  constructor(seed: number) {
    this.#seed = seed
  }

  get isFull(): boolean {
    return this.findings.length >= ENOUGH
  }

  begin(): void {
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

  /** Runs something alone, and remembers how long it took; of several attempts, the least. */
  async time<T>(input: unknown, perform: () => Promise<T>): Promise<T> {
    const attempt = async (): Promise<readonly [T, number]> => {
      const took = stopwatch()
      return [await perform(), took()]
    }
    const [result, first] = await attempt()
    let least = first
    for (let again = 0; least >= this.#slow && again < ATTEMPTS; again += 1)
      least = Math.min(least, (await attempt())[1])
    this.#longest = Math.max(this.#longest, least)
    if (least >= LONGEST_BLOCK && least >= LONGEST_BLOCK * slowness())
      this.harm('wrong answer', `the event loop was blocked for ${Math.round(least)} ms`, input)
    return result
  }

  toString(): string {
    const count = (value: number): string => value.toLocaleString('en')
    return (
      `fuzz: ${count(this.#inputs)} inputs (seed ${this.#seed}; ${count(this.#wired)} of them over the network too), ` +
      `${this.count('crash')} crashes, ${this.count('5xx')} 5xx, ${this.count('forged') + this.count('leak')} forged accepted, ` +
      `${this.count('wrong answer')} wrong answers, longest block ${this.#longest.toFixed(1)} ms\n`
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
