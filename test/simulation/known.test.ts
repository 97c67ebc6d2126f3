import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { bundle, type Report, recall, replay } from './fleet.js'
import type { Kind, Schedule } from './schedule.js'

/** A line of the file: a schedule that broke a promise of the product in an earlier version. */
interface Known extends Omit<Schedule, 'steps'> {
  readonly what: string
  /** Required moments; a schedule without them no longer tests its promise. */
  readonly moments: readonly string[]
  /** A line with the stage `sessions` is a `SessionSchedule`. */
  readonly steps: readonly (readonly [kind: Kind, who: number, which: number, what: number])[]
}

const KNOWN: readonly Known[] = readFileSync(join(import.meta.dirname, 'known-schedules.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line))

let reports: readonly Report[] = []

beforeAll(async () => {
  const schedules = KNOWN.map(({ what: _, moments: __, steps, ...schedule }) => ({
    ...schedule,
    steps: steps.map(([kind, who, which, what]) => ({ kind, who, which, what })),
  }))
  reports = await replay(await bundle('known'), schedules)
})
afterAll(recall)

it.each(KNOWN.map(({ what }, index) => [what, index] as const))('breaks no promise where %s', (_, index) => {
  const report = reports[index]
  expect(report?.finding).toBeUndefined()
  expect(Object.keys(report?.moments ?? {})).toEqual(expect.arrayContaining([...(KNOWN[index]?.moments ?? [])]))
})
