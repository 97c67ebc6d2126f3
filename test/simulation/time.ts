import { Random } from './random.js'

const MINUTE = 60_000
const START = Date.UTC(2026, 0, 1)

interface Timer {
  readonly at: number
  act(): void
  /** Whether nothing awaits the timer, which then does not count as pending, and may also fire with a later timer. */
  isIdle: boolean
  unref(): Timer
}

const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis
const realNow = Date.now
const realRandom = Math.random
let random = new Random(1)
let timers: Timer[] = []
let intervals: (() => void)[] = []
let mover: (() => Promise<boolean>) | undefined
let browserNow = START

/** The servers' clock, which only the schedule moves, in either direction. */
export const serverClock: { at: number; now(this: void): number } = { at: START, now: () => serverClock.at }

/** ms by which clocks may differ under the protocol. */
const SKEW = 59 * 60 * 1000
let highest = START

export function moveServerClock(ms: number, latest: number): void {
  serverClock.at = Math.min(latest, Math.max(serverClock.at + ms, highest - SKEW))
  highest = Math.max(highest, serverClock.at)
}

export function resetTime(): void {
  timers = []
  intervals = []
  mover = undefined
  random = new Random(1)
  browserNow = START
  serverClock.at = START
  highest = START
}

export function isDue(): boolean {
  return timers.some(({ at }) => at <= browserNow)
}

export function pendingTimers(): number {
  return timers.filter(({ isIdle }) => !isIdle).length
}

export function fireTimer(): void {
  const first = timers.reduce<Timer | undefined>(
    (least, timer) => (least && least.at <= timer.at ? least : timer),
    undefined,
  )
  if (!first) return
  browserNow = Math.max(browserNow, first.at)
  end((timer) => timer === first || (timer.isIdle && timer.at <= browserNow))
}

function end(isOver: (timer: Timer) => boolean): void {
  const over = timers.filter(isOver)
  timers = timers.filter((timer) => !over.includes(timer))
  for (const timer of over) {
    timer.act()
  }
}

/** Replaces time and randomness; returns a function to restore them. */
export function installTime(): () => void {
  const set = (act: () => void, ms = 0): Timer => {
    const unref = (): Timer => {
      timer.isIdle = ms >= MINUTE
      return timer
    }
    const timer: Timer = { at: browserNow + ms, act, isIdle: false, unref }
    timers.push(timer)
    return timer
  }
  const clear = (timer: Timer): void => {
    timers = timers.filter((other) => other !== timer)
  }
  const repeat = (act: () => void): { unref(): () => void } => {
    intervals.push(act)
    return Object.assign(act, { unref: () => act })
  }
  const stop = (act: unknown): void => {
    intervals = intervals.filter((other) => other !== act)
  }
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear, setInterval: repeat, clearInterval: stop })
  Date.now = () => browserNow
  Math.random = () => random.next() / 2 ** 32
  return () => {
    Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval })
    Date.now = realNow
    Math.random = realRandom
  }
}

export function fireIntervals(): void {
  for (const act of intervals) act()
}

/** @param move performs an immediate operation; resolves with whether there was any */
export function moveEachTurn(move: () => Promise<boolean>): void {
  mover = move
}

/** Lets all promises and immediate operations settle. */
export async function turn(): Promise<void> {
  await immediate()
  while (await mover?.()) await immediate()
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
