import { slowness, stopwatch } from './cpu-time.js'

const ATTEMPTS = 4
/** ms after which to stop checking: if a test has given up, what it waits for never happens. */
const PATIENCE = 60_000

/**
 * Returns the longest turn of the event loop while something runs, in ms of CPU time, scaled to the machine where the limits were set;
 * the best of several attempts, so that a compiler or garbage collector that happens to run does not count.
 */
export async function longestTurn(act: () => Promise<unknown>): Promise<number> {
  const turns: number[] = []
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) turns.push(await measure(act))
  return Math.min(...turns) / slowness()
}

async function measure(act: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let isOver = false
  const begun = performance.now()
  const took = stopwatch()
  const turn = (): void => {
    longest = Math.max(longest, took())
    if (!isOver && performance.now() - begun < PATIENCE) setImmediate(turn)
  }
  setImmediate(turn)
  await act()
  await new Promise((resolve) => setImmediate(resolve))
  isOver = true
  return longest
}
