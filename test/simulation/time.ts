import { Random } from './random.js'

const MINUTE = 60_000
const START = Date.UTC(2026, 0, 1)

interface Timer {
  readonly at: number
  act(): void
  /** Nothing is kept awake for it: its time comes where there is nothing else to wait for, or with a later one. */
  isIdle: boolean
  unref(): Timer
}

const { setTimeout: realSetTimeout, clearTimeout: realClearTimeout } = globalThis
const { setInterval: realSetInterval, clearInterval: realClearInterval } = globalThis
const realNow = Date.now
const realRandom = Math.random
let random = new Random(1)
let timers: Timer[] = []
let intervals: (() => void)[] = []
let mover: (() => Promise<boolean>) | undefined
let browserNow = START

/** The servers' clock: stands still until a schedule moves it, forwards or backwards. */
export const serverClock: { at: number; now(this: void): number } = { at: START, now: () => serverClock.at }

/** ms by which clocks may differ: of one that ran further ahead, the protocol says other things. */
const SKEW = 59 * 60 * 1000
let highest = START

export function moveServerClock(ms: number, latest: number): void {
  serverClock.at = Math.min(latest, Math.max(serverClock.at + ms, highest - SKEW))
  highest = Math.max(highest, serverClock.at)
}

/** Time begins anew, with nothing to wait for. */
export function resetTime(): void {
  timers = []
  intervals = []
  mover = undefined
  random = new Random(1)
  browserNow = START
  serverClock.at = START
  highest = START
}

/** Whether a timer's time is over: it waits for nothing but its turn. */
export function isDue(): boolean {
  return timers.some(({ at }) => at <= browserNow)
}

export function pendingTimers(): number {
  return timers.filter(({ isIdle }) => !isIdle).length
}

/** The time has come for the timer that is due first. */
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

/** Has the client wait for us instead of the machine, and be as random as a seed; what is returned undoes it. */
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
  globalThis.setInterval = repeat as unknown as typeof setInterval
  globalThis.clearInterval = stop as typeof clearInterval
  globalThis.setTimeout = set as unknown as typeof setTimeout
  globalThis.clearTimeout = clear as unknown as typeof clearTimeout
  Date.now = () => browserNow
  Math.random = () => random.next() / 2 ** 32
  return () => {
    globalThis.setTimeout = realSetTimeout
    globalThis.clearTimeout = realClearTimeout
    globalThis.setInterval = realSetInterval
    globalThis.clearInterval = realClearInterval
    Date.now = realNow
    Math.random = realRandom
  }
}

/** What servers do again and again is due. */
export function fireIntervals(): void {
  for (const act of intervals) act()
}

/** @param move has one thing happen that needs no time; says whether there was any */
export function moveEachTurn(move: () => Promise<boolean>): void {
  mover = move
}

/** Everything has been done that promises can do by themselves, and what needs no time besides. */
export async function turn(): Promise<void> {
  await immediate()
  while (await mover?.()) await immediate()
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
