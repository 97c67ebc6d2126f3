import { afterAll, expect, it } from '@jest/globals'
import { bundle } from './bundle.js'
import { eachAtOnce, recall, sail } from './fleet.js'
import type { Finding } from './simulate.js'

/** Several minutes of one processor; `SIMULATIONS=1000` for a quick look, `SIMULATION_SEED=n` for one schedule again. */
const SIMULATIONS = Number(process.env['SIMULATIONS'] ?? 100_000)
const SEED = process.env['SIMULATION_SEED']
const PORTION = 5000

afterAll(recall)

it('keeps every promise, however requests, packets, answers and restarts interleave', async () => {
  const file = await bundle('simulation')
  const total = SEED === undefined ? SIMULATIONS : 1
  const first = Number(SEED ?? 1)
  const portions = Array.from({ length: Math.ceil(total / PORTION) }, (_, index) => first + index * PORTION)
  const findings: Finding[] = []
  await eachAtOnce(portions, async (start) => {
    if (findings.length > 0) return
    const { finding } = await sail(file, start, Math.min(PORTION, first + total - start))
    if (finding) findings.push(finding)
  })
  // The seed of a finding runs it again: SIMULATION_SEED=<seed>.
  expect(findings).toEqual([])
}, 3_600_000)
