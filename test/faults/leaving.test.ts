import { expect, it } from '@jest/globals'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { LEAVINGS, runLeavings } from './leaving.js'

const ROUNDS = 12
const SEED = 1

describeWithServer(REDIS, 'a page that adds to a cart and leaves at once', () => {
  it.each([...LEAVINGS])('hands each item to the next page exactly once: %s', async (_, leaving) => {
    const run = { leaving, rounds: ROUNDS, hasRedis: true, nodes: 2, seed: SEED, atOnce: 3, storeTimeout: 30_000 }
    const { added, lost, twice } = await runLeavings(run)
    expect({ added, lost, twice }).toEqual({ added: ROUNDS * leaving.items, lost: [], twice: [] })
  })
})
