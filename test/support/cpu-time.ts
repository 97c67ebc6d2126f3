const ATTEMPTS = 3
/** A message of a megabyte, the longest that socket.io lets through. */
const LONGEST_MESSAGE = `[${'1,'.repeat(490_000)}1]`
/** ms of CPU time that reading it took where the limits of the tests were set. */
const READING = 8

/**
 * ms of CPU time since this was called, or since it was asked the last time; those of the clock where they are fewer. What
 * other processes of a busy machine take does not count, nor what other threads of this one do beside it.
 */
export function stopwatch(): () => number {
  let last = { cpu: process.cpuUsage(), time: performance.now() }
  return () => {
    const { user, system } = process.cpuUsage(last.cpu)
    const took = Math.min((user + system) / 1000, performance.now() - last.time)
    last = { cpu: process.cpuUsage(), time: performance.now() }
    return took
  }
}

/** How many times as long as there the same work takes here and now: for limits in CPU time, which a slow processor needs more of. */
export function slowness(): number {
  const readings = Array.from({ length: ATTEMPTS }, () => {
    const took = stopwatch()
    JSON.parse(LONGEST_MESSAGE)
    return took()
  })
  return Math.max(1, Math.min(...readings) / READING)
}
