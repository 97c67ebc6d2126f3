import { comeToRest } from './rest.js'
import { type Schedule, type Step, shrink } from './schedule.js'
import { play } from './sessions/play.js'
import type { SessionSchedule } from './sessions/schedule.js'
import { Stage } from './stage.js'
import { PERFORM } from './steps.js'
import { installSurroundings } from './surroundings.js'
import { installFetch, resetTabs } from './tab.js'
import { counted, type Violation } from './tally.js'
import { installTime, resetTime, turn } from './time.js'

export type AnySchedule = Schedule | SessionSchedule

export interface Finding extends Violation {
  readonly seed: number
  /** Each step with its browser, after shrinking. */
  readonly steps: readonly string[]
  /** The schedule of these steps, for `replay`. */
  readonly schedule: AnySchedule
}

export async function simulate(schedules: Iterable<AnySchedule>, isShrunk = true): Promise<Finding | undefined> {
  const uninstall = [installTime(), installFetch(), installSurroundings()]
  try {
    for (const schedule of schedules) {
      const { seed } = schedule
      const first = await run(schedule)
      if (first === undefined) continue
      const fails = async (smaller: AnySchedule): Promise<boolean> => (await run(smaller)) !== undefined
      const least = isShrunk ? await shrink(schedule, fails) : schedule
      const violation = (isShrunk && (await run(least))) || first
      const steps = least.steps.map(({ kind, who }) => `${kind} ${who % least.browsers.length}`)
      return { seed, ...violation, steps, schedule: least }
    }
    return undefined
  } finally {
    for (const undo of uninstall) undo()
  }
}

async function run(schedule: AnySchedule): Promise<Violation | undefined> {
  counted.schedules += 1
  resetTime()
  if ('stage' in schedule) return play(schedule)
  resetTabs()
  const stage = new Stage(schedule)
  const { world } = stage
  try {
    for (const [index, user] of schedule.browsers.entries()) {
      const browser = world.browsers[index]
      if (!browser) continue
      world.aim(schedule.seed + index)
      if (user !== null) await stage.begin(browser, world.userId(user))
      // Some browsers open no page, so memory holds none of their values.
      if ((schedule.seed + index) % 4 === 0) continue
      await stage.load(browser, 'connected')
      await stage.flow(browser)
    }
    for (const step of schedule.steps) await perform(stage, step)
    if (schedule.endsInRestart)
      for (const which of world.nodes.keys()) await perform(stage, { kind: 'restart', who: 0, which, what: 0 })
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
  world.aim((step.which ^ step.what) >>> 0)
  await PERFORM[step.kind](stage, browser, step)
  await turn()
  stage.observe()
}
