import { afterEach, beforeEach, jest } from '@jest/globals'

/** What this file's servers do again and again, they do when told to: answers with what moves their time on. */
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
