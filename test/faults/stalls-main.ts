import { runStalls, STALLS } from './stalls.js'

/** `tsx test/faults/stalls-main.ts [users] [devices|tabs|node|restart] [users at once]` */
const [users = '100', only, atOnce = '20'] = process.argv.slice(2)
for (const stall of STALLS.filter((one) => only === undefined || one === only)) {
  // Pages in Chromium need more of a machine.
  const most = stall === 'tabs' ? 5 : Number(atOnce)
  const tally = await runStalls({ stall, users: Number(users), atOnce: most }, (line) =>
    console.log(`${stall}: ${line}`),
  )
  console.log(stall, JSON.stringify(tally, undefined, 1))
}
process.exit(0)
