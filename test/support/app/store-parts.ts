import { channel } from 'node:diagnostics_channel'
import { afterEach, beforeEach, jest } from '@jest/globals'
import { testClock } from 'koa-live-session/testing'
import { CircuitBreaker, type StoreState } from '../../../server/store/circuit-breaker.js'
import { ValidatedStore } from '../../../server/store/validated-store.js'
import type { Store } from '../../../server/types/store.js'

export const TIMEOUT = 250

/** The breaker of a store, with its reports. */
export interface Watched {
  readonly breaker: CircuitBreaker
  readonly clock: ReturnType<typeof testClock>
  /** The clock without its timers, because `pass` moves Node's. */
  readonly now: () => number
  readonly errors: unknown[]
  readonly states: StoreState[]
}

/** Makes timers advance only when the test says so. */
export function holdTimers(): void {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] }))
  afterEach(() => void jest.useRealTimers())
}

const ends: (() => void)[] = []

/** Watches a store's breaker until the test ends. */
export function watch(): Watched {
  const clock = testClock()
  const now = (): number => clock.now()
  const errors: unknown[] = []
  const states: StoreState[] = []
  const hear = (message: unknown): void => void states.push((message as { state: StoreState }).state)
  // A separate channel: plugins of other tests in this process publish on the real channel.
  const told = channel(Symbol('store'))
  told.subscribe(hear)
  const report = (error: unknown): void => void errors.push(error)
  const breaker = new CircuitBreaker({ storeTimeout: TIMEOUT, clock: now, report }, told)
  ends.push(() => {
    told.unsubscribe(hear)
    breaker.close()
  })
  return { breaker, clock, now, errors, states }
}

afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** Lets this many ms pass, for timers and for the clock. */
export async function pass({ clock }: Pick<Watched, 'clock'>, ms: number): Promise<void> {
  clock.advance(ms)
  await jest.advanceTimersByTimeAsync(ms)
}

/** Returns a store as the parts of the plugin use it. */
export function validatedStore(store: Store, { clock }: Pick<Watched, 'clock'>): ValidatedStore {
  return new ValidatedStore(store, { clock: clock.now, warn: () => undefined })
}
