/** A clock that only moves when told: `liveSession(app, { clock: clock.now })`. */
export interface TestClock {
  /** ms since 1970. */
  readonly now: () => number
  /** Moves it forward by so many ms. */
  advance(ms: number): void
}

/**
 * A clock for the option `clock`. Timers go on by the machine's own.
 *
 * @param start ms since 1970; by default now, so that what browsers and cookie jars judge by their own clock still holds
 * @example
 * const clock = testClock()
 * const live = liveSession(app, { fields, clock: clock.now })
 * clock.advance(31 * 24 * 60 * 60 * 1000)
 */
export function testClock(start: number = Date.now()): TestClock {
  let now = start
  return {
    now: () => now,
    advance(ms) {
      now += ms
    },
  }
}
