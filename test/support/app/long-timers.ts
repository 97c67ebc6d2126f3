import { afterEach, beforeEach, jest } from '@jest/globals'

const LONG = 60_000

interface LongTimers {
  end(): void
  next(): Promise<void>
}

/** Holds this file's timers of a minute or longer, until they are told to fire. Speeds up shorter timers by a factor. */
export function longTimers(factor: number = 1): LongTimers {
  const held = new Map<unknown, () => void>()
  let begun: (() => void)[] = []
  const { setTimeout: wait, clearTimeout: clear } = globalThis
  beforeEach(() => {
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(((act: () => void, ms = 0, ...args: unknown[]) => {
      const timer = wait(act, ms < LONG ? Math.ceil(ms / factor) : ms, ...(args as []))
      if (ms < LONG) return timer
      held.set(timer.unref(), act)
      for (const tell of begun.splice(0)) tell()
      return timer
    }) as never)
    jest.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => {
      held.delete(timer)
      clear(timer)
    })
  })
  afterEach(() => {
    for (const timer of held.keys()) clear(timer as NodeJS.Timeout)
    held.clear()
    begun = []
  })
  return {
    end: () => {
      for (const [timer, act] of [...held]) {
        held.delete(timer)
        clear(timer as NodeJS.Timeout)
        act()
      }
    },
    next: () => new Promise((resolve) => begun.push(resolve)),
  }
}
