import { LEAVINGS, runLeavings } from './leaving.js'

const [name = 'task', rounds = '1000', kept = 'Redis', nodes = '2', seed = '1', atOnce = '3'] = process.argv.slice(2)
const leaving = LEAVINGS.get(name)
if (!leaving) throw new Error(`expected one of ${[...LEAVINGS.keys()].join(', ')}, received ${name}`)
const run = { leaving, rounds: Number(rounds), hasRedis: kept === 'Redis', nodes: Number(nodes), seed: Number(seed) }
const items = await runLeavings({ ...run, atOnce: Number(atOnce) }, (line) => console.log(`${name}: ${line}`))
console.log(JSON.stringify(items, undefined, 1))
process.exit(0)
