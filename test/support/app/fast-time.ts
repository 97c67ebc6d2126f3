import { afterEach, beforeEach, jest } from '@jest/globals'

/** Speeds up this file's timers and clock by the same factor: pauses of seconds take milliseconds. */
export function fastTime(factor: number): void {
  const { setTimeout: wait } = globalThis
  const { now } = Date
  const began = now()
  beforeEach(() => {
    jest.spyOn(Date, 'now').mockImplementation(() => began + (now() - began) * factor)
    jest
      .spyOn(globalThis, 'setTimeout')
      .mockImplementation(((act: () => void, ms = 0) => wait(act, Math.ceil(ms / factor))) as never)
  })
  afterEach(() => void jest.restoreAllMocks())
}
