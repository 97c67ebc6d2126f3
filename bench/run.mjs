// `npm run bench [part]...`: everything as ratios within one run, since machines differ and are noisy. `saved` and `functions` set
// this build beside an older one: `npm run bench saved -- --before ../older`.
import { parseArgs } from 'node:util'
import { functions } from './functions.mjs'
import { growth } from './growth.mjs'
import { http } from './http.mjs'
import { latency } from './latency.mjs'
import { memory } from './memory.mjs'
import { nodes } from './nodes.mjs'
import { peers } from './peers.mjs'
import { saved } from './saved.mjs'
import { sizes } from './sizes.mjs'
import { sockets } from './sockets.mjs'
import { sqlStores } from './sql.mjs'
import { tickets } from './tickets.mjs'
import { awake, pinSelf } from './tools.mjs'

const parts = { http, sockets, tickets, latency, saved, functions, sizes, peers, memory, nodes, sql: sqlStores, growth }
const { values, positionals } = parseArgs({ allowPositionals: true, options: { before: { type: 'string' } } })
const wanted = positionals.length > 0 ? positionals : Object.keys(parts)

pinSelf(1)
for (const name of wanted) await awake(1, () => parts[name](values))
process.exit()
