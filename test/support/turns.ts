const ATTEMPTS = 4

/**
 * The longest turn of the event loop while something goes on, in ms: by the clock or by CPU time, whichever is less, and at
 * its best. What other processes of a busy machine take does not count, nor what other threads of this one do beside it, nor
 * that a compiler or a garbage collector happens to run.
 */
export async function longestTurn(act: () => Promise<unknown>): Promise<number> {
  const turns: number[] = []
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) turns.push(await measure(act))
  return Math.min(...turns)
}

async function measure(act: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let isOver = false
  let last = { cpu: process.cpuUsage(), time: performance.now() }
  const turn = (): void => {
    const { user, system } = process.cpuUsage(last.cpu)
    longest = Math.max(longest, Math.min((user + system) / 1000, performance.now() - last.time))
    last = { cpu: process.cpuUsage(), time: performance.now() }
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  await act()
  await new Promise((resolve) => setImmediate(resolve))
  isOver = true
  return longest
}
