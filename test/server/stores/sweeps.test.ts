import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { Sweeps } from '../../../server/kernel/remote/sweeps.js'
import type { Settings } from '../../../server/options.js'
import type { Store } from '../../../server/stores/store.js'

const DAY = 24 * 60 * 60 * 1000
const NOW = 1000 * DAY

beforeEach(() => void jest.useFakeTimers({ now: NOW }))
afterEach(() => void jest.useRealTimers())

/** What is deleted in so many days. */
async function sweep(days: number, given: Partial<Settings>, fails = false) {
  const [limits, guests, ends]: [number[], number[], number[]] = [[], [], []]
  const errors: unknown[] = []
  const store: Store = {
    ...memoryStore(),
    sweep: async (before, limitsOf = {}) => {
      limits.push((Date.now() - before) / DAY)
      guests.push((Date.now() - (limitsOf.guests ?? before)) / DAY)
      ends.push((Date.now() - (limitsOf.ended ?? before)) / DAY)
      if (fails) throw new Error('it is down')
      return 0
    },
  }
  const report = (error: unknown): void => void errors.push(error)
  const settings = {
    storeMaxIdle: 100 * DAY,
    maxAge: 31 * DAY,
    clock: Date.now,
    report,
    ...given,
  } as unknown as Settings
  const sweeps = new Sweeps(store, settings)
  await jest.advanceTimersByTimeAsync(days * DAY)
  sweeps.close()
  await jest.advanceTimersByTimeAsync(10 * DAY)
  return { limits, guests, ends, errors }
}

it('deletes once a day what was not used for so long, until it is closed', async () => {
  expect((await sweep(3, {})).limits).toEqual([100, 100, 100])
})

it.each([
  [5, 31],
  [100, 100],
])('deletes after storeMaxIdle, %d days, and what has ended not before maxAge: after %d', async (days, ended) => {
  const { limits, guests, ends } = await sweep(1, { storeMaxIdle: days * DAY })
  expect([limits, guests, ends]).toEqual([[days], [Math.min(days, 31)], [ended]])
})

it('deletes nothing where that is to be left to the app', async () => {
  expect((await sweep(3, { storeMaxIdle: Number.POSITIVE_INFINITY })).limits).toEqual([])
})

it('tells of a store that has failed, and tries again the next day', async () => {
  const { limits, errors } = await sweep(2, {}, true)
  expect(limits).toHaveLength(2)
  expect(errors).toMatchObject([{ code: 'store_unavailable' }, { code: 'store_unavailable' }])
})

it('deletes what guests had once no cookie leads to it', async () => {
  expect((await sweep(2, {})).guests).toEqual([31, 31])
})
