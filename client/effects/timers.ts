import type { Effects, TimerName } from '../core/messages.js'

/** The times in which a page waits, one of each name. */
export interface Timers {
  /** Never as long as in other browsers: they all lost the same server. */
  start(...[name, ms, spread]: Effects['timer']): void
  close(): void
}

export function createTimers(onTime: (name: TimerName) => void): Timers {
  const timers = new Map<TimerName, ReturnType<typeof setTimeout>>()
  return {
    start: (name, ms, spread) => {
      clearTimeout(timers.get(name))
      const timer = setTimeout(() => onTime(name), ms + spread * Math.random())
      // Nothing that a process in Node should stay for. In browsers it is a number.
      if (name === 'renew') timer.unref?.()
      timers.set(name, timer)
    },
    close: () => timers.forEach(clearTimeout),
  }
}
