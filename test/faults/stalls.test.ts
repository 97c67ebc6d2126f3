import { expect, it } from '@jest/globals'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { runStalls, STALLS } from './stalls.js'

/** `npm run stalls -- 100` for as many of each. */
const USERS = 3

describeWithServer(REDIS, 'updates of two nodes while Redis or a node is silent', () => {
  it.each(STALLS)('are saved once: %s', async (stall) => {
    const { saved, lost, twice, refused } = await runStalls({ stall, users: USERS, atOnce: USERS })
    expect({ saved, lost, twice, refused }).toEqual({ saved: 5 * USERS, lost: [], twice: [], refused: [] })
  })
})
