import type { Effects, TimerName } from '../core/messages.js'

/** The timers of a page, one for each name. */
export interface Timers {
  /** The random part differs between browsers, which all lost the same server. */
  start(...[name, ms, spread]: Effects['timer']): void
  close(): void
}

export function createTimers(onTime: (name: TimerName) => void): Timers {
  const timers = new Map<TimerName, ReturnType<typeof setTimeout>>()
  return {
    start: (name, ms, spread) => {
      clearTimeout(timers.get(name))
      const timer = setTimeout(() => onTime(name), ms + spread * Math.random())
      // Long timers must not keep a Node process alive. In browsers they are numbers.
      if (name === 'renew' || name[0] === ':') timer.unref?.()
      timers.set(name, timer)
    },
    close: () => timers.forEach(clearTimeout),
  }
}
