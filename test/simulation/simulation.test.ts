import { afterAll, expect, it } from '@jest/globals'
import { atScale } from '../support/app/scale.js'
import { AT_ONCE, bundle, eachAtOnce, type Report, recall, sail } from './fleet.js'
import type { Finding } from './simulate.js'
import { summary } from './tally.js'

/** `SIMULATIONS_FROM=100001` runs the next seeds, and `SIMULATION_SEED=n` a single seed. */
const SIMULATIONS = Number(process.env['SIMULATIONS'] ?? atScale(30, 500))
const FROM = Number(process.env['SIMULATIONS_FROM'] ?? 1)
const SEED = process.env['SIMULATION_SEED']
/** In ms, longer than any machine takes. */
const HANGS = 300_000 + SIMULATIONS * 100
/** A process ends at its first finding, so small portions show more findings. */
const MAX_PORTION = 1_000

afterAll(recall)

/** Returns the finding's line for known-schedules.jsonl, and a unit test of its page's core. */
function scriptOf({ what, page, schedule: { steps, ...rest } }: Finding): string {
  const all = steps.map(({ kind, who, which, what: number }) => [kind, who, which, number])
  const line = JSON.stringify({ what, moments: [], ...rest, steps: all })
  return `\n${[line, ...(page === undefined ? [] : ['', page])].join('\n')}\n\n`
}

it(
  'the product keeps every promise in any interleaving',
  async () => {
    const file = await bundle('simulation')
    const total = SEED === undefined ? SIMULATIONS : 1
    const first = Number(SEED ?? FROM)
    const portion = Math.min(MAX_PORTION, Math.ceil(total / AT_ONCE))
    const starts = Array.from({ length: Math.ceil(total / portion) }, (_, index) => first + index * portion)
    const reports: Report[] = []
    const began = performance.now()
    await eachAtOnce(starts, async (start) => {
      reports.push(await sail(file, start, Math.min(portion, first + total - start)))
    })
    const findings = reports.flatMap(({ finding }) => finding ?? [])
    const harms = findings.map(({ harm }) => harm)
    process.stdout.write(summary(reports, harms, (performance.now() - began) / 1000))
    for (const finding of findings) process.stdout.write(scriptOf(finding))
    // `SIMULATION_SEED=<seed>` repeats a finding; its printed line has fewer steps.
    expect(findings.map(({ seed, what, steps }) => ({ seed, what, steps }))).toEqual([])
  },
  HANGS,
)
