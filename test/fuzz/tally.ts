import { slowness, stopwatch } from '../support/cpu-time.js'

/** What must never happen. */
export type Harm = 'crash' | '5xx' | 'forged' | 'leak' | 'wrong answer'

/** ms of CPU time by which one input may keep the other visitors waiting longer than a harmless one, on the machine where this was set. */
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
  readonly #harmless: () => Promise<unknown>
  readonly #slow = SLOW * slowness()
  #inputs = 0
  #wired = 0
  #longest = 0

  /** @param harmless takes as long as any input does just then, in a process that is short of memory too */
  constructor(seed: number, harmless: () => Promise<unknown>) {
    this.#seed = seed
    this.#harmless = harmless
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
    const [result, first] = await timed(perform)
    const took = first < this.#slow ? first : Math.min(first, await least(perform))
    this.#longest = Math.max(this.#longest, took)
    if (took >= LONGEST_BLOCK && took - (await least(this.#harmless)) >= LONGEST_BLOCK * slowness())
      this.harm('wrong answer', `the event loop was blocked for ${Math.round(took)} ms`, input)
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

async function timed<T>(perform: () => Promise<T>): Promise<readonly [T, number]> {
  const took = stopwatch()
  return [await perform(), took()]
}

/** ms of CPU time, of several attempts. */
async function least(perform: () => Promise<unknown>): Promise<number> {
  let ms = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) ms = Math.min(ms, (await timed(perform))[1])
  return ms
}

function show(input: unknown): string {
  return (JSON.stringify(input, readable) ?? String(input)).slice(0, 1500)
}

/** A buffer, which its own toJSON has made a list of numbers by now, as text. */
function readable(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('data' in value)) return value
  return value.type === 'Buffer' && Array.isArray(value.data) ? Buffer.from(value.data).toString() : value
}
