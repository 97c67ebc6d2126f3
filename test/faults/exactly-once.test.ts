import { expect, it } from '@jest/globals'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { POSTGRES, REDIS } from '../support/servers/installed.js'
import { runClicks } from './clicks.js'
import type { StoredName } from './site.js'

/** `EXACTLY_ONCE=200` for as many of each. */
const ROUNDS = Number(process.env['EXACTLY_ONCE'] ?? 10)
const SEED = 1
/** ms a round: two restarts of the server, and what waits for them. */
const LONGEST = 30_000
const TITLE = 'a server that is killed applies each click once'

async function check(store: StoredName): Promise<void> {
  const { lost, twice, rejected, added, saved } = await runClicks({ store, rounds: ROUNDS, seed: SEED })
  expect({ lost, twice, rejected }).toEqual({ lost: [], twice: [], rejected: [] })
  expect(saved).toBe(added)
}

it(`${TITLE}, without a store`, () => check('nowhere'), 60_000 + ROUNDS * LONGEST)
describeWithServer(REDIS, TITLE, () => it('with Redis', () => check('Redis'), 60_000 + ROUNDS * LONGEST))
describeWithServer(POSTGRES, TITLE, () => it('with PostgreSQL', () => check('PostgreSQL'), 60_000 + ROUNDS * LONGEST))
