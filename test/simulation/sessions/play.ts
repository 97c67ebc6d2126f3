import type { Violation } from '../tally.js'
import { turn } from '../time.js'
import { signingIn } from './requests.js'
import type { SessionSchedule } from './schedule.js'
import { SessionStage } from './stage.js'
import { PERFORM } from './steps.js'

export async function play(schedule: SessionSchedule): Promise<Violation | undefined> {
  const stage = new SessionStage(schedule)
  try {
    for (const [index, user] of schedule.browsers.entries()) {
      const browser = stage.browsers[index]
      stage.aim(schedule.seed + index)
      if (!browser || user === null) continue
      await stage.request(browser, signingIn(stage.userId(user), 0))
      await stage.flow(browser)
    }
    for (const step of schedule.steps) {
      const browser = stage.browsers[step.who % stage.browsers.length]
      if (!browser || stage.violation) break
      stage.aim((step.which ^ step.what) >>> 0)
      await PERFORM[step.kind](stage, browser, step)
      await stage.settle()
    }
    if (!stage.violation) await stage.comeToRest()
  } catch (error) {
    stage.fail(`throws ${error instanceof Error ? error.stack : error}`)
  }
  stage.close()
  await turn()
  return stage.violation
}
