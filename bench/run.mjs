// `npm run bench [http] [sockets] [tickets] [latency] [memory] [nodes] [sql] [growth]`: everything as ratios within one run, since machines differ and are noisy.
import { growth } from './growth.mjs'
import { http } from './http.mjs'
import { latency } from './latency.mjs'
import { memory } from './memory.mjs'
import { nodes } from './nodes.mjs'
import { sockets } from './sockets.mjs'
import { sqlStores } from './sql.mjs'
import { tickets } from './tickets.mjs'
import { awake, pinSelf } from './tools.mjs'

const parts = { http, sockets, tickets, latency, memory, nodes, sql: sqlStores, growth }
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts)

pinSelf(1)
for (const name of wanted) await awake(1, parts[name])
process.exit()
