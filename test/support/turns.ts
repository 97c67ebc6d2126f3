import { slowness, stopwatch } from './cpu-time.js'

const ATTEMPTS = 4

/**
 * The longest turn of the event loop while something goes on, in ms of CPU time, as on the machine where the limits were set;
 * at its best, so that it does not count that a compiler or a garbage collector happens to run.
 */
export async function longestTurn(act: () => Promise<unknown>): Promise<number> {
  const turns: number[] = []
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) turns.push(await measure(act))
  return Math.min(...turns) / slowness()
}

async function measure(act: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let isOver = false
  const took = stopwatch()
  const turn = (): void => {
    longest = Math.max(longest, took())
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  await act()
  await new Promise((resolve) => setImmediate(resolve))
  isOver = true
  return longest
}
