import { expect, it } from '@jest/globals'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { runFaults } from './run.js'

const CYCLES = 3
const SEED = 1
/** ms that no machine takes for them: beside all other tests they take minutes. */
const HANGS = 900_000

describeWithServer(REDIS, 'three nodes and Redis, of which some fail while a hundred users write', () => {
  it(
    'agree when all is quiet, have all that was acknowledged, and never show what is older or another user\u2019s',
    async () => {
      const { faults, cycles } = await runFaults({ cycles: CYCLES, seed: SEED })
      expect(faults).toEqual([])
      expect(cycles).toBe(CYCLES)
    },
    HANGS,
  )
})
