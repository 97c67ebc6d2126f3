import { expect, it } from '@jest/globals'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { runFaults } from './run.js'

const CYCLES = 3
const SEED = 1
/** ms: enough for any machine. */
const HANGS = 900_000

describeWithServer(REDIS, 'three nodes and Redis, failing under load', () => {
  it(
    'converge, keep every acknowledged write, and never show older values',
    async () => {
      const { faults, cycles } = await runFaults({ cycles: CYCLES, seed: SEED })
      expect(faults).toEqual([])
      expect(cycles).toBe(CYCLES)
    },
    HANGS,
  )
})
