/** A clock that only `advance` moves: `liveSession(app, { clock: clock.now })`. */
export interface TestClock {
  /** Returns ms since 1970. */
  readonly now: () => number
  /** Moves the clock forward by `ms`. */
  advance(ms: number): void
}

/**
 * Creates a manual clock for the option `clock`. Timers still follow the machine's clock.
 *
 * @param start ms since 1970; by default now, as browsers and cookie jars use their own clocks
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
