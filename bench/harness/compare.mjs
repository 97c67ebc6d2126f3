// Contestants beside each other, in one run. Two equal processes differ by more than one process does from minute to minute, so each
// round starts all anew; within a round they take turns. One more is equal to the first: what these two differ by is the noise.
import { median } from './statistics.mjs'

export const CONTROL = 'control'
/** ms in which a process is used before it is measured: until V8 has compiled what runs. */
export const WARM_UP = 1000

/**
 * @param contestants by name, what starts one: resolves with `{ sample, end }`. `sample` resolves with its figures, by name
 * @param rounds of fresh processes; `samples` that each takes, in turn, after `warmUps` that do not count
 */
export async function compare(contestants, { rounds, samples = 1, warmUps = 0 }) {
  const [[base, startBase], ...others] = Object.entries(contestants)
  const all = [[base, startBase], ...others, [CONTROL, startBase]]
  const figures = Object.fromEntries(all.map(([name]) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, taken] of await runRound(inTurn(all, round), samples, warmUps)) figures[name].push(taken)
  }
  return new Comparison(base, figures)
}

async function runRound(contestants, samples, warmUps) {
  const started = []
  try {
    for (const [name, begin] of contestants) started.push({ name, taken: [], ...(await begin()) })
    for (let i = -warmUps; i < samples; i += 1) {
      for (const { sample, taken } of inTurn(started, i)) {
        const figures = await sample()
        if (i >= 0) taken.push(figures)
      }
    }
    return started.map(({ name, taken }) => [name, taken])
  } finally {
    for (const { end } of started) await end?.()
  }
}

const inTurn = (list, turn) => (turn % 2 ? [...list].reverse() : list)

class Comparison {
  #base
  #figures

  constructor(base, figures) {
    this.#base = base
    this.#figures = figures
  }

  get names() {
    return Object.keys(this.#figures)
  }

  /** The median of one figure over all processes. */
  of(name, what) {
    return overRounds(this.#figures[name], (samples) => samples.map((each) => each[what]))
  }

  /** Each sample is set beside the other's of the same turn: what else the machine does changes slower than that. */
  ratio(name, other, what) {
    const others = this.#figures[other]
    return overRounds(this.#figures[name], (samples, round) =>
      samples.map((each, turn) => each[what] / others[round][turn][what]),
    )
  }

  /** `ratio` to the first contestant. */
  toBase(name, what) {
    return this.ratio(name, this.#base, what)
  }

  /** What the first contestant and its equal differ by, as a part of a limit in the same unit. */
  noiseOf(what, limit) {
    return Math.abs(this.of(CONTROL, what) - this.of(this.#base, what)) / limit
  }

  /** What the first contestant and its equal differ by: 0.02 is 2 %. */
  noise(what) {
    return Math.abs(this.toBase(CONTROL, what) - 1)
  }
}

/** The median over all processes, of the median over the samples of each. */
function overRounds(rounds, figuresOf) {
  return median(rounds.map((samples, round) => median(figuresOf(samples, round))))
}
