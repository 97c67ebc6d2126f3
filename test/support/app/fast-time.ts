import { beforeEach, jest } from '@jest/globals'

/** Speeds up this file's timers, intervals and clock by the same factor, so pauses of seconds take milliseconds. */
export function fastTime(factor: number): void {
  const { setTimeout: wait, setInterval: repeat } = globalThis
  const { now } = Date
  const began = now()
  const sped = (start: typeof wait | typeof repeat) => (act: () => void, ms?: number) =>
    start(act, Math.ceil((ms ?? 0) / factor)) as never
  beforeEach(() => {
    jest.spyOn(Date, 'now').mockImplementation(() => began + (now() - began) * factor)
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(sped(wait))
    jest.spyOn(globalThis, 'setInterval').mockImplementation(sped(repeat))
  })
}
