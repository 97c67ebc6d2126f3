import { jest } from '@jest/globals'

/** Stops real time meanwhile, so that timers wait for the test. Promises and I/O continue. */
export async function withoutTime(act: () => Promise<void>): Promise<void> {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] })
  try {
    await act()
  } finally {
    jest.useRealTimers()
  }
}
