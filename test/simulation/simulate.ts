import { comeToRest } from './rest.js'
import { type Schedule, type Step, scheduleOf, shrink } from './schedule.js'
import { Stage } from './stage.js'
import { PERFORM } from './steps.js'
import { installFetch } from './tab.js'
import { counted, type Violation } from './tally.js'
import { installTime, resetTime, turn } from './time.js'

/** A schedule that breaks a promise. */
export interface Finding extends Violation {
  readonly seed: number
  /** What is left of the schedule without the steps that it breaks without. */
  readonly browsers: Schedule['browsers']
  readonly endsInRestart: boolean
  /** What happens, and to which browser. */
  readonly steps: readonly string[]
}

/** Runs schedules until one breaks a promise. */
export async function simulate(seeds: Iterable<number>, isShrunk = true): Promise<Finding | undefined> {
  const uninstall = [installTime(), installFetch()]
  try {
    for (const seed of seeds) {
      const schedule = scheduleOf(seed)
      const first = await run(schedule)
      if (first === undefined) continue
      const fails = async (smaller: Schedule): Promise<boolean> => (await run(smaller)) !== undefined
      const least = isShrunk ? await shrink(schedule, fails) : schedule
      const violation = (isShrunk && (await run(least))) || first
      const { browsers, endsInRestart } = least
      const steps = least.steps.map(({ kind, who }) => `${kind} ${who % browsers.length}`)
      return { seed, ...violation, browsers, endsInRestart, steps }
    }
    return undefined
  } finally {
    for (const undo of uninstall) undo()
  }
}

/** What is wrong, if anything. */
async function run(schedule: Schedule): Promise<Violation | undefined> {
  counted.schedules += 1
  resetTime()
  const stage = new Stage(schedule)
  const { world } = stage
  try {
    for (const [index, user] of schedule.browsers.entries()) {
      const browser = world.browsers[index]
      if (!browser) continue
      if (user !== undefined) await stage.begin(browser, world.userId(user))
      // Without an open page nothing is held in memory.
      if ((schedule.seed + index) % 4 === 0) continue
      await stage.load(browser, true)
      await stage.flow(browser)
    }
    for (const step of schedule.steps) await perform(stage, step)
    if (schedule.endsInRestart) await perform(stage, { kind: 'restart', who: 0, which: 0, what: 0 })
    if (world.violation === undefined) await comeToRest(stage)
  } catch (error) {
    world.fail(`throws ${error instanceof Error ? error.stack : error}`)
  }
  world.close()
  await turn()
  return world.violation
}

async function perform(stage: Stage, step: Step): Promise<void> {
  const { world } = stage
  const browser = world.browsers[step.who % world.browsers.length]
  if (!browser || world.violation !== undefined) return
  await PERFORM[step.kind](stage, browser, step)
  world.checkNow()
}
