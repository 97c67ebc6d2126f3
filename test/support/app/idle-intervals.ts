import { afterEach, beforeEach, jest } from '@jest/globals'

/** Stops the intervals of this file's servers, and returns a function that advances their time. */
export function idleIntervals(): (ms: number) => Promise<void> {
  beforeEach(() => {
    jest.useFakeTimers({
      doNotFake: [
        'Date',
        'hrtime',
        'nextTick',
        'performance',
        'queueMicrotask',
        'setImmediate',
        'clearImmediate',
        'setTimeout',
        'clearTimeout',
      ],
    })
  })
  afterEach(() => void jest.useRealTimers())
  return async (ms) => void (await jest.advanceTimersByTimeAsync(ms))
}
