// The speed check of `.ci/run`: finds gross regressions, with limits so wide that a busy machine does not reach them. It measures CPU
// time, which does not depend on the machine's other work. `npm run check:package` checks the sizes of scripts.
import { compare } from './harness/compare.mjs'
import { inProcess, underLoad } from './harness/http-server.mjs'
import { contestant } from './rows/change.mjs'
import { memory } from './rows/memory.mjs'
import { rooms } from './rows/rooms.mjs'
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

/** Reads while others sign out and close sockets. */
async function busyRead() {
  const read = (mode) => underLoad({ file: 'live', mode }, { ms: 200, cookies: cookiesOf(16) })
  return (await compare({ warm: read('live'), busy: read('busy') }, HOW)).toBase('busy', 'cpu')
}

/** Returns the value of a row's first goal, from a run as short as possible. */
const firstGoalOf = (row) => async () => (await row.run({ rounds: 1, samples: 1, part: 0.01 })).goals[0].value

async function change() {
  const how = { ms: 400, changes: 10 }
  return (await compare({ bare: contestant('bare', how), live: contestant('live', how) }, HOW)).toBase('live', CHANGE)
}

const bounds = [
  ['processor time, a warm read / bare Koa with the two headers', warmRead, 3],
  ['processor time, a read after 60 kB of names like ours / a warm read', tossedRead, 30],
  ['processor time, a warm read while others sign out / a warm read', busyRead, 4],
  ['processor time, a change / a bare broadcast', change, 6],
  ['processor time, a socket moves to another room / leaves and joins rooms', firstGoalOf(rooms), 6],
  ['bytes a user in memory', firstGoalOf(memory), 1000],
]
for (const [what, measure, most] of bounds) {
  const ratio = await measure()
  console.log(`${what}: ${ratio.toFixed(2)} (at most ${most})`)
  if (ratio > most) process.exitCode = 1
}
process.exit()
