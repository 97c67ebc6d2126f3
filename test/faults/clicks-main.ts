import { runClicks } from './clicks.js'
import type { StoredName } from './site.js'

const NAMES: readonly string[] = ['nowhere', 'Redis', 'PostgreSQL'] satisfies readonly StoredName[]

const [store = 'nowhere', rounds = '200', seed = '1', atOnce = '5'] = process.argv.slice(2)
if (!NAMES.includes(store)) throw new Error(`expected one of ${NAMES.join(', ')}, got ${store}`)
const run = { store: store as StoredName, rounds: Number(rounds), seed: Number(seed), atOnce: Number(atOnce) }
const items = await runClicks(run, console.log)
console.log(JSON.stringify(items, undefined, 1))
process.exit(items.lost.length + items.twice.length > 0 ? 1 : 0)
