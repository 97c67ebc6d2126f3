import { simulate } from './simulate.js'
import { counted } from './tally.js'

const [first = 1, count = 1000, isShrunk = 1] = process.argv.slice(2).map(Number)
console.warn = () => undefined
console.error = () => undefined
// Refusals are many here, and no code reads where they were made.
Error.stackTraceLimit = 0

function* seeds(): Iterable<number> {
  for (let seed = first; seed < first + count; seed += 1) yield seed
}

const finding = await simulate(seeds(), isShrunk > 0)
console.log(JSON.stringify({ ...counted, ...(finding ? { finding } : {}) }))
process.exit()
