// The speed check of `.ci/run`: finds gross regressions, with limits so wide that a busy machine does not reach them. It measures CPU
// time, which does not depend on the machine's other work. `npm run check:package` checks the sizes of scripts.
import { compare } from './harness/compare.mjs'
import { inProcess } from './harness/http-server.mjs'
import { contestant } from './rows/change.mjs'
import { cookiesOf } from './servers/http/app.mjs'

const HOW = { rounds: 1, samples: 3, warmUps: 1 }
const CHANGE = '16 users, one change each under way: cpu'

async function warmRead() {
  const how = { cookies: cookiesOf(256), count: 3000 }
  const servers = {
    koa: inProcess({ file: 'bare', mode: 'headers' }, how),
    live: inProcess({ file: 'live', mode: 'live' }, how),
  }
  return (await compare(servers, HOW)).toBase('live', 'cpu')
}

/** Reads a cookie after 60 kB of names that end like ours, which a sibling domain may plant: a search slower than linear takes seconds. */
async function tossedRead() {
  const tossed = `${' '.repeat(90)}is_live=`.repeat(600)
  const [own] = cookiesOf(1)
  const read = (cookies) => inProcess({ file: 'live', mode: 'live' }, { cookies, count: 1000 })
  return (await compare({ plain: read([own]), tossed: read([`${tossed}; ${own}`]) }, HOW)).toBase('tossed', 'cpu')
}

async function change() {
  const how = { ms: 400, changes: 10 }
  return (await compare({ bare: contestant('bare', how), live: contestant('live', how) }, HOW)).toBase('live', CHANGE)
}

const bounds = [
  ['a warm read / bare Koa with the two headers', warmRead, 3],
  ['a read after 60 kB of names like ours / a warm read', tossedRead, 30],
  ['a change / a bare broadcast', change, 6],
]
for (const [what, measure, most] of bounds) {
  const ratio = await measure()
  console.log(`processor time, ${what}: ${ratio.toFixed(2)} (at most ${most})`)
  if (ratio > most) process.exitCode = 1
}
process.exit()
