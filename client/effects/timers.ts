import type { Effects, TimerName } from '../core/messages.js'

/** A page's timers, one of each name. */
export interface Timers {
  /** Waits for a different time in each browser: they all lost the same server. */
  start(...[name, ms, spread]: Effects['timer']): void
  close(): void
}

export function createTimers(onTime: (name: TimerName) => void): Timers {
  const timers = new Map<TimerName, ReturnType<typeof setTimeout>>()
  return {
    start: (name, ms, spread) => {
      clearTimeout(timers.get(name))
      const timer = setTimeout(() => onTime(name), ms + spread * Math.random())
      // This should not keep a Node process alive. In browsers it is a number.
      if (name === 'renew') timer.unref?.()
      timers.set(name, timer)
    },
    close: () => timers.forEach(clearTimeout),
  }
}
