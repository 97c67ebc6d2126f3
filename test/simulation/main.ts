import { scheduleOf } from './schedule.js'
import { sessionScheduleOf } from './sessions/schedule.js'
import { type AnySchedule, simulate } from './simulate.js'
import { report } from './tally.js'

/** Arguments: `<first seed> <count> <shrink>`, or JSON of schedules, which run without shrinking, with a report of each. */
const [what = '1', count = 1000, isShrunk = 1] = process.argv.slice(2)
console.warn = () => undefined
console.error = () => undefined
// No code reads the stacks of the many refusals.
Error.stackTraceLimit = 0

function* seeds(): Iterable<AnySchedule> {
  for (let seed = Number(what); seed < Number(what) + Number(count); seed += 1) {
    yield scheduleOf(seed)
    yield sessionScheduleOf(seed)
  }
}

async function run(schedules: Iterable<AnySchedule>, isShrunk: boolean): Promise<void> {
  const finding = await simulate(schedules, isShrunk)
  console.log(JSON.stringify({ ...report(), ...(finding ? { finding } : {}) }))
}

if (what.startsWith('[')) for (const schedule of JSON.parse(what)) await run([schedule], false)
else await run(seeds(), Number(isShrunk) > 0)
process.exit()
