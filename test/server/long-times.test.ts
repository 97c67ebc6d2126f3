import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import { Rechecks } from '../../server/connections/rechecks.js'
import { GuestMemory } from '../../server/memory/guest-memory.js'
import { CircuitBreaker } from '../../server/store/circuit-breaker.js'
import { Loads } from '../../server/store/loads.js'
import { Gate } from '../support/app/gate.js'

const DAY = 24 * 60 * 60 * 1000
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
  const core = { guestMemory: new GuestMemory(1e6), settings, memory: { pinnedSubjects } }
  const loads = new Loads({} as never, breaker as never, { size: 0 } as never, core as never, () => false)
  await jest.advanceTimersByTimeAsync(DAY)
  loads.close()
  expect(pinnedSubjects).not.toHaveBeenCalled()
})

it('a recheck interval of a hundred years lasts longer than a day', async () => {
  const interval = jest.spyOn(globalThis, 'setInterval')
  new Rechecks({} as never, { isNeeded: true } as never, 1000 * 36_525 * DAY).close()
  const [[, ms = 0] = []] = interval.mock.calls
  expect(ms).toBeGreaterThan(DAY)
  expect(ms).toBeLessThan(2 ** 31)
})
