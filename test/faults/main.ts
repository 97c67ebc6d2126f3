import { runFaults } from './run.js'

const [cycles = 100, seed = Date.now() % 1_000_000] = process.argv.slice(2).map(Number)
console.log(`${cycles} cycles, seed ${seed}`)
const began = Date.now()
const tally = await runFaults({ cycles, seed }, console.log)
console.log(JSON.stringify({ ...tally, seconds: Math.round((Date.now() - began) / 1000) }, undefined, 2))
process.exit(tally.faults.length > 0 ? 1 : 0)
