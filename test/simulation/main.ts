import { type Schedule, scheduleOf } from './schedule.js'
import { simulate } from './simulate.js'
import { counted } from './tally.js'

/** `<first seed> <how many> <whether to shrink>`, or schedules as JSON. */
const [what = '1', count = 1000, isShrunk = 1] = process.argv.slice(2)
console.warn = () => undefined
console.error = () => undefined
// Refusals are many here, and no code reads where they were made.
Error.stackTraceLimit = 0

function* schedules(): Iterable<Schedule> {
  if (what.startsWith('[')) yield* JSON.parse(what)
  else for (let seed = Number(what); seed < Number(what) + Number(count); seed += 1) yield scheduleOf(seed)
}

const finding = await simulate(schedules(), Number(isShrunk) > 0)
console.log(JSON.stringify({ ...counted, ...(finding ? { finding } : {}) }))
process.exit()
