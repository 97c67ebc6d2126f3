import { expect, it } from '@jest/globals'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { LEAVINGS, runLeavings } from './leaving.js'

/** `npm run leaving task 1000` for as many of one program. */
const ROUNDS = 12
const SEED = 1

describeWithServer(REDIS, 'a page of two nodes and Redis that is left as soon as it has added to a list', () => {
  it.each([...LEAVINGS])('leaves each item to the next page, once: %s', async (_, leaving) => {
    const run = { leaving, rounds: ROUNDS, hasRedis: true, nodes: 2, seed: SEED, atOnce: 3, storeTimeout: 30_000 }
    const { items, lost, twice } = await runLeavings(run)
    expect({ items, lost, twice }).toEqual({ items: ROUNDS * leaving.items, lost: [], twice: [] })
  })
})
