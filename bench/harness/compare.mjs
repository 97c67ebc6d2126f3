// Compares contestants in the same run. Equal processes differ more than a single process varies over minutes, so each round starts new
// processes; within a round the processes take turns. The control is the first contestant again, so the difference of the two is the noise.
import { median } from './statistics.mjs'

export const CONTROL = 'control'
/** ms of load before measuring a process, so that V8 has compiled the code. */
export const WARM_UP = 1000

/**
 * @param contestants by name, a function to start a contestant, which resolves with `{ sample, end }`. `sample` resolves with its figures,
 * by name
 * @param rounds of fresh processes; `samples` of each, in turn, after uncounted `warmUps`
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

  /** Returns the median of a figure over all processes. */
  of(name, what) {
    return overRounds(this.#figures[name], (samples) => samples.map((each) => each[what]))
  }

  /** Compares each sample with the other's of the same turn: other load on the machine changes more slowly. */
  ratio(name, other, what) {
    const others = this.#figures[other]
    return overRounds(this.#figures[name], (samples, round) =>
      samples.map((each, turn) => each[what] / others[round][turn][what]),
    )
  }

  /** Returns the `ratio` to the first contestant. */
  toBase(name, what) {
    return this.ratio(name, this.#base, what)
  }

  /** Returns the difference of the first contestant and its equal, as a share of a limit in the same unit. */
  noiseOf(what, limit) {
    return Math.abs(this.of(CONTROL, what) - this.of(this.#base, what)) / limit
  }

  /** Returns the relative difference of the first contestant and its equal: 0.02 is 2 %. */
  noise(what) {
    return Math.abs(this.toBase(CONTROL, what) - 1)
  }
}

/** Returns the median over all processes of the median of their samples. */
function overRounds(rounds, figuresOf) {
  return median(rounds.map((samples, round) => median(figuresOf(samples, round))))
}
