/** ms of the longest pause between two tries. */
const MAX_PAUSE = 30_000

/** The times in which this page waits, each of which can be cut short. */
export interface Pauses {
  pause(ms: number): Promise<void>
  /** Pauses longer after each failure. */
  backOff(least: number): Promise<void>
  /** Something went well: the next failure is the first again. */
  recover(): void
  /** Ends all of them now. */
  wake(): void
  isOver(): boolean
  /** Ends all of them for good. */
  close(): void
}

export function createPauses(): Pauses {
  const ends = new Set<() => void>()
  let failures = 0
  let isOver = false

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (isOver) return resolve()
      const end = (): void => {
        clearTimeout(timer)
        ends.delete(end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      ends.add(end)
    })
  const wake = (): void => {
    for (const end of ends) end()
  }

  return {
    pause,
    backOff: (least) => {
      failures += 1
      // Never as long as other browsers do: they all lost the same server.
      return pause(Math.max(least, Math.min(MAX_PAUSE, 250 * 2 ** failures) * (0.5 + Math.random() / 2)))
    },
    recover: () => {
      failures = 0
    },
    wake,
    isOver: () => isOver,
    close: () => {
      isOver = true
      wake()
    },
  }
}
