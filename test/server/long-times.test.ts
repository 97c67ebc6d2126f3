import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { Rechecks } from '../../server/connections/rechecks.js'
import type { Settings } from '../../server/settings/settings.js'
import { CircuitBreaker } from '../../server/store/circuit-breaker.js'
import { Loads } from '../../server/store/loads.js'
import { beginSweeps } from '../../server/store/sweeps.js'
import type { Store } from '../../server/types/store.js'
import { Gate } from '../support/app/gate.js'
import { DAY } from '../support/app/times.js'

describe('long times', () => {
  /** Longer than a timer of Node can wait, so such a timer would fire after 1 ms. */
  const LONG = [30 * DAY, 3e9, 36_525 * DAY]

  beforeEach(() => void jest.useFakeTimers())
  afterEach(() => void jest.useRealTimers())

  it.each(LONG)('a storeTimeout of %d ms lasts longer than a day', async (storeTimeout) => {
    const breaker = new CircuitBreaker({ storeTimeout, clock: Date.now, report: () => undefined })
    let isOver = false
    void breaker.inTime(new Promise(() => undefined)).then(() => {
      isOver = true
    })
    const gate = new Gate()
    void breaker.call(() => gate.pass())
    await jest.advanceTimersByTimeAsync(1000)
    gate.open()
    await jest.advanceTimersByTimeAsync(DAY)
    expect([isOver, breaker.state]).toEqual([false, 'good'])
  })

  it.each(LONG)('a storeRefresh of %d ms loads nothing within a day', async (storeRefresh) => {
    const pinnedSubjects = jest.fn(() => [])
    const breaker = { onTry: () => undefined, state: 'good' }
    const settings = { storeRefresh, clock: Date.now }
    const parts = { settings, memory: { pinnedSubjects } }
    const loads = new Loads({} as never, breaker as never, { size: 0 } as never, parts as never)
    await jest.advanceTimersByTimeAsync(DAY)
    loads.close()
    expect(pinnedSubjects).not.toHaveBeenCalled()
  })

  it('a recheck interval of a hundred years lasts longer than a day', async () => {
    const interval = jest.spyOn(globalThis, 'setInterval')
    const parts = { settings: { clock: Date.now } }
    new Rechecks(parts as never, { isNeeded: true } as never, { recheck: 1000 * 36_525 * DAY, maxAge: DAY }).close()
    const [[, ms = 0] = []] = interval.mock.calls
    expect(ms).toBeGreaterThan(DAY)
    expect(ms).toBeLessThan(2 ** 31)
  })
})

describe('sweeps', () => {
  const NOW = 1000 * DAY

  beforeEach(() => void jest.useFakeTimers({ now: NOW }))
  afterEach(() => void jest.useRealTimers())

  async function sweep(days: number, given: Partial<Settings>, fails = false) {
    const [limits, guests, ends]: [number[], number[], number[]] = [[], [], []]
    const errors: unknown[] = []
    const daysSince = (time: number): number => (Date.now() - time) / DAY
    const store: Store = {
      ...memoryStore(),
      sweep: async (before, limitsOf = {}) => {
        limits.push(daysSince(before))
        guests.push(daysSince(limitsOf.guests ?? before))
        ends.push(daysSince(limitsOf.revocations ?? before))
        if (fails) throw new Error('it is down')
        return 0
      },
    }
    const report = (error: unknown): void => void errors.push(error)
    const settings = { storeMaxIdle: 100 * DAY, maxAge: 31 * DAY, clock: Date.now, report, ...given }
    const end = beginSweeps(store, settings as unknown as Settings)
    await jest.advanceTimersByTimeAsync(days * DAY)
    end()
    await jest.advanceTimersByTimeAsync(10 * DAY)
    return { limits, guests, ends, errors }
  }

  it('a sweep runs once a day, until close()', async () => {
    expect((await sweep(3, {})).limits).toEqual([100, 100, 100])
  })

  it.each([
    [5, 31],
    [100, 100],
  ])('a sweep deletes values after storeMaxIdle (%d days), revocations after %d', async (days, revoked) => {
    const { limits, guests, ends } = await sweep(1, { storeMaxIdle: days * DAY })
    expect([limits, guests, ends]).toEqual([[days], [Math.min(days, 31)], [revoked]])
  })

  it('no sweep runs with storeMaxIdle: Infinity', async () => {
    expect((await sweep(3, { storeMaxIdle: Number.POSITIVE_INFINITY })).limits).toEqual([])
  })

  it('a failed sweep reports its error, and runs again the next day', async () => {
    const { limits, errors } = await sweep(2, {}, true)
    expect(limits).toHaveLength(2)
    expect(errors).toMatchObject([{ code: 'store_unavailable' }, { code: 'store_unavailable' }])
  })

  it('a sweep deletes guests after the cookie’s maxAge', async () => {
    expect((await sweep(2, {})).guests).toEqual([31, 31])
  })
})
