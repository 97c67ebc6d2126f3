import { runClicks, type StoredName } from './clicks.js'

/** `tsx test/faults/clicks-main.ts [nowhere|Redis|PostgreSQL] [rounds] [seed]` */
const [kept = 'nowhere', rounds = '200', seed = '1', atOnce = '5'] = process.argv.slice(2)
const tally = await runClicks(
  { kept: kept as StoredName, rounds: Number(rounds), seed: Number(seed), atOnce: Number(atOnce) },
  console.log,
)
console.log(JSON.stringify(tally, undefined, 1))
process.exit(0)
