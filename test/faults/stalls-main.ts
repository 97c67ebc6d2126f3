import { runStalls, STALLS } from './stalls.js'

/** `npm run stalls -- [users] [devices|node|restart] [users at once]` */
const [users = '100', only, atOnce = '20'] = process.argv.slice(2)
for (const stall of STALLS.filter((one) => only === undefined || one === only)) {
  const run = { stall, users: Number(users), atOnce: Number(atOnce) }
  const items = await runStalls(run, (line) => console.log(`${stall}: ${line}`))
  console.log(stall, JSON.stringify(items, undefined, 1))
}
process.exit(0)
