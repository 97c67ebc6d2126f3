import { LEAVINGS, runLeavings, said } from './leaving.js'

/** `tsx test/faults/leaving-main.ts [program] [rounds] [nodes] [Redis|nowhere] [seed]` */
const [name = 'task', rounds = '1000', nodes = '2', kept = 'Redis', seed = '1', atOnce = '3'] = process.argv.slice(2)
const leaving = LEAVINGS[name]
if (!leaving) throw new Error(`programs: ${Object.keys(LEAVINGS)}`)
const tally = await runLeavings(
  {
    leaving,
    rounds: Number(rounds),
    nodes: Number(nodes),
    hasRedis: kept === 'Redis',
    seed: Number(seed),
    atOnce: Number(atOnce),
  },
  console.log,
)
console.log(JSON.stringify(tally, undefined, 1))
console.log(said(tally))
process.exit(0)
