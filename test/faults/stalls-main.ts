import { runClicks, STALLS } from './clicks.js'

const [users = '100', only, atOnce = '20', seed = '1'] = process.argv.slice(2)
for (const stall of STALLS.filter((one) => only === undefined || one === only)) {
  const run = { store: 'Redis' as const, stall, rounds: Number(users), atOnce: Number(atOnce), seed: Number(seed) }
  console.log(stall, JSON.stringify(await runClicks(run, console.log), undefined, 1))
}
process.exit(0)
