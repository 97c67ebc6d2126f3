// A clock and timers that only a test moves.

import type { After } from '../server/settings/timers.js'

/** A clock that only `advance` moves: `liveSession(app, { clock: clock.now })`. */
export interface TestClock {
  /** Returns ms since 1970. */
  readonly now: () => number
  /** Moves the clock forward by `ms`, and starts the waiting work that is due then. */
  advance(ms: number): void
}

/** A call to start when the clock has moved by `at` ms in all. */
interface Waiting {
  readonly at: number
  readonly act: (late: number) => void
}

/**
 * Creates a manual clock for the option `clock`. Pass `clock.now` itself: the plugin finds its timers there. Give your store the same
 * clock, such as `memoryStore(clock.now)`.
 *
 * - `advance` starts these if they are due: rechecks of sockets, the end of expired sessions, reloads from the store, the daily sweep, and
 *   messages that a redirect's target has not taken. Each starts once per call, however far the clock moves. They run in the background, so
 *   await their effects.
 * - The plugin asks a failed store again by this clock or in real time, whichever is first.
 * - Deadlines of answers, such as `storeTimeout`, follow the machine's clock.
 *
 * @param start ms since 1970; by default now, as browsers and cookie jars use their own clocks
 * @example
 * const clock = testClock()
 * const live = liveSession(app, { fields, clock: clock.now })
 * clock.advance(31 * 24 * 60 * 60 * 1000)
 */
export function testClock(start: number = Date.now()): TestClock {
  let now = start
  // Never shrinks, so that setting the clock back delays no call.
  let passed = 0
  const waiting = new Set<Waiting>()
  const after: After = (ms, act) => {
    const call = { at: passed + ms, act }
    waiting.add(call)
    return () => void waiting.delete(call)
  }
  return {
    now: Object.assign(() => now, { after }),
    advance(ms) {
      now += ms
      passed += Math.max(0, ms)
      // Start only the calls that wait now: an interval waits again after each call, and would run 2.7 million times in 31 days.
      const due = [...waiting].filter(({ at }) => at <= passed).toSorted((one, other) => one.at - other.at)
      for (const call of due) if (waiting.delete(call)) call.act(passed - call.at)
    },
  }
}
