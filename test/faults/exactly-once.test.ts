import { describe, expect, it } from '@jest/globals'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { POSTGRES, REDIS } from '../support/servers/installed.js'
import { type ClickRun, runClicks, STALLS } from './clicks.js'

/** `EXACTLY_ONCE=200` runs 200 visitors in each test. */
const ROUNDS = Number(process.env['EXACTLY_ONCE'] ?? 10)
/** ms for a round, including the faults. */
const LONGEST = 30_000

async function check(run: Pick<ClickRun, 'store' | 'stall'>): Promise<void> {
  const { lost, twice, rejected, added, saved } = await runClicks({ ...run, rounds: ROUNDS, seed: 1 })
  expect({ lost, twice, rejected }).toEqual({ lost: [], twice: [], rejected: [] })
  expect(saved).toBe(added)
}

describe('each click of two tabs', () => {
  const longest = 60_000 + ROUNDS * LONGEST
  it('counts once without a store, even if the server is killed', () => check({ store: 'nowhere' }), longest)
  describeWithServer(REDIS, 'with Redis', () => {
    it('counts once even if the server is killed', () => check({ store: 'Redis' }), longest)
    it.each(STALLS)('counts once if Redis or a node stalls: %s', (stall) => check({ store: 'Redis', stall }), longest)
  })
  describeWithServer(POSTGRES, 'with PostgreSQL', () => {
    it('counts once even if the server is killed', () => check({ store: 'PostgreSQL' }), longest)
  })
})
