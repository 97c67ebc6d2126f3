// `npm run bench [row]...`: measures the targets, as ratios within a run, since machines differ and are noisy. `--quick` is a short run for
// a first look. `saved`, `functions` and `sizes` compare this build with an older build: `npm run bench saved -- --before ../older`.
import { parseArgs } from 'node:util'
import { writeDocument } from './document.mjs'
import { awake, pinSelf } from './harness/processes.mjs'
import { print, save } from './harness/results.mjs'
import { avalanche } from './rows/avalanche.mjs'
import { change } from './rows/change.mjs'
import { cookie } from './rows/cookie.mjs'
import { functions } from './rows/functions.mjs'
import { growth } from './rows/growth.mjs'
import { idle } from './rows/idle.mjs'
import { jitter } from './rows/jitter.mjs'
import { latency } from './rows/latency.mjs'
import { memory } from './rows/memory.mjs'
import { mock } from './rows/mock.mjs'
import { nodes } from './rows/nodes.mjs'
import { peers } from './rows/peers.mjs'
import { read } from './rows/read.mjs'
import { restart } from './rows/restart.mjs'
import { rooms } from './rows/rooms.mjs'
import { saved } from './rows/saved.mjs'
import { sizes } from './rows/sizes.mjs'
import { sql } from './rows/sql.mjs'
import { tickets } from './rows/tickets.mjs'
import { beside, unused } from './rows/unused.mjs'

/** The rows in the order of the targets, then all other rows. */
const targets = {
  read,
  mock,
  unused,
  beside,
  change,
  cookie,
  saved,
  memory,
  restart,
  nodes,
  idle,
  sizes,
  growth,
  avalanche,
  jitter,
}
const others = { latency, functions, tickets, rooms, peers, sql }
const rows = { ...targets, ...others }

/** Rounds of fresh processes; samples of each process, and warm-ups before the samples; ms of a sample; share of the full counts. */
const FULL = { rounds: 9, samples: 7, warmUps: 2, ms: 150, part: 1 }
const QUICK = { rounds: 1, samples: 5, warmUps: 2, ms: 100, part: 0.2 }

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, before: { type: 'string' } },
})
const { quick, before } = options
const wanted = positionals.length > 0 ? positionals : Object.keys(quick ? targets : rows)

pinSelf(1)
for (const name of wanted) {
  try {
    await measure(name)
  } catch (error) {
    // Measure the others anyway.
    console.error(`${name}: ${error.stack}`)
    process.exitCode = 1
  }
}
if (!quick) writeDocument()
process.exit()

async function measure(name) {
  const row = rows[name]
  if (row === undefined) throw new Error(`no such row, expected one of ${Object.keys(rows).join(', ')}`)
  const began = performance.now()
  const result = await awake(1, () => row.run({ ...(quick ? QUICK : FULL), before }))
  if (result === undefined) return
  print(row.title, result, quick)
  const seconds = Math.round((performance.now() - began) / 1000)
  save(name, { title: row.title, seconds, ...result }, quick)
}
