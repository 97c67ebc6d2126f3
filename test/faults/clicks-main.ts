import { runClicks, type StoredName } from './clicks.js'

const NAMES: readonly string[] = ['nowhere', 'Redis', 'PostgreSQL'] satisfies readonly StoredName[]

/** `tsx test/faults/clicks-main.ts [nowhere|Redis|PostgreSQL] [rounds] [seed]` */
const [kept = 'nowhere', rounds = '200', seed = '1', atOnce = '5'] = process.argv.slice(2)
if (!NAMES.includes(kept)) throw new Error(`expected one of ${NAMES.join(', ')}, got ${kept}`)
const tally = await runClicks(
  { kept: kept as StoredName, rounds: Number(rounds), seed: Number(seed), atOnce: Number(atOnce) },
  console.log,
)
console.log(JSON.stringify(tally, undefined, 1))
process.exit(tally.lost.length + tally.twice.length > 0 ? 1 : 0)
