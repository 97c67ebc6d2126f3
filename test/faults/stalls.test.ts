import { expect, it } from '@jest/globals'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { runStalls, STALLS } from './stalls.js'

/** `npm run stalls -- 100` for as many of each. */
const USERS = 3

describeWithServer(REDIS, 'two nodes, while Redis or one of them is silent', () => {
  it.each(STALLS)('save each update once: %s', async (stall) => {
    const { saved, lost, twice, rejected } = await runStalls({ stall, users: USERS, atOnce: USERS })
    expect({ saved, lost, twice, rejected }).toEqual({ saved: 5 * USERS, lost: [], twice: [], rejected: [] })
  })
})
