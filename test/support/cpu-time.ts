const ATTEMPTS = 3
/** A message of one megabyte, the longest that socket.io accepts. */
const LONGEST_MESSAGE = `[${'1,'.repeat(490_000)}1]`
/** ms of CPU time that parsing it took on the machine where the tests' limits were set. */
const READING = 8

/**
 * Returns a function that returns the ms of CPU time since its last call, or the elapsed ms if they are fewer. Other processes of
 * a busy machine do not count, nor do other threads of this one.
 */
export function stopwatch(): () => number {
  let last = timesNow()
  return () => {
    const now = timesNow()
    const took = Math.min(now.cpu - last.cpu, now.elapsed - last.elapsed)
    last = now
    return took
  }
}

/** In ms. */
function timesNow(): { readonly cpu: number; readonly elapsed: number } {
  const { user, system } = process.cpuUsage()
  return { cpu: (user + system) / 1000, elapsed: performance.now() }
}

/** Returns how many times slower the same work is here and now: scales limits in CPU time, because a slow processor needs more of it. */
export function slowness(): number {
  const readings = Array.from({ length: ATTEMPTS }, () => {
    const took = stopwatch()
    JSON.parse(LONGEST_MESSAGE)
    return took()
  })
  return Math.max(1, Math.min(...readings) / READING)
}
