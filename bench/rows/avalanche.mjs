// Target 12: reconnection of 5,000 pages after their server is killed and restarted, and after a rolling restart of three nodes.
import { compare } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { keepOpen } from '../harness/reconnect.mjs'
import { closePages, openPages, startSockets, visitorsOf } from '../harness/socket-server.mjs'
import { percentile, sleep } from '../harness/statistics.mjs'
import { support } from '../harness/support.mjs'
import { namesOf, tableOf } from '../harness/table.mjs'

const { freePort } = await support('servers/free-port')

const PAGES = 5000
const NODES = 3
/** Longest reconnection delay for this many pages, in ms, as docs/options.md recommends. */
const longest = (pages) => 500 + pages
/** ms to wait after the last page is back. */
const QUIET = 2000
const BARE = 'bare socket.io'
const RECOVERY = 'bare socket.io, connection state recovery'
const OURS = 'this library'

export const avalanche = {
  title: 'All pages reconnect at once',
  async run({ rounds, part }) {
    const pages = PAGES * part
    const recovery = { options: { connectionStateRecovery: {} } }
    const contestants = {
      [BARE]: server('bare', {}, pages),
      [RECOVERY]: server('bare', recovery, pages),
      [OURS]: server('live', {}, pages),
    }
    const measured = await compare(contestants, { rounds: Math.ceil(rounds / 3) })
    const names = namesOf(measured)
    const columns = (what) => ({
      'half of the pages have their value, ms': (name) => measured.of(name, `${what}: p50`),
      'all, ms': (name) => measured.of(name, `${what}: all`),
      'all, of bare': (name) => measured.toBase(name, `${what}: all`),
    })
    return {
      tables: [
        tableOf(`the server is killed under ${pages.toLocaleString('en')} pages`, names, {
          ...columns('restart'),
          'greetings a page': (name) => measured.of(name, 'greetings'),
          'event loop late by, ms (p99, after)': (name) => measured.of(name, 'late'),
        }),
        tableOf(`${NODES} nodes are replaced, one after the other`, names, columns('deploy')),
      ],
      goals: [
        judge(
          'all pages have their value / bare',
          measured.toBase(OURS, 'restart: all'),
          '<=',
          2,
          measured.noise('restart: all'),
        ),
        judge(
          'rolling deploy: all pages / bare',
          measured.toBase(OURS, 'deploy: all'),
          '<=',
          2,
          measured.noise('deploy: all'),
        ),
        judge('greetings a page', measured.of(OURS, 'greetings'), '<=', 1),
        judge(
          'ms by which the event loop is late afterwards, p99',
          measured.of(OURS, 'late'),
          '<=',
          50,
          measured.noiseOf('late', 50),
        ),
      ],
    }
  },
}

function server(mode, given, pages) {
  return async () => ({
    sample: async () => ({ ...(await killed(mode, given, pages)), ...(await deployed(mode, given, pages)) }),
  })
}

async function killed(mode, given, count) {
  const port = await freePort()
  const first = await startSockets(mode, { ...given, port })
  const pages = (await openPages(await visitorsOf(mode, port, count), [port])).flat()
  const returns = watch(pages, () => port)
  const began = performance.now()
  await first.end()
  const second = await startSockets(mode, { ...given, port })
  const times = await returns(began, count)
  await second.ask('watchLoop')
  await sleep(QUIET)
  const late = await second.ask('loopDelay')
  const greetings = pages.reduce((sum, { greetings }) => sum + greetings, 0) / count - 1
  closePages(pages)
  await second.end()
  return { 'restart: p50': percentile(times, 0.5), 'restart: all': Math.max(...times), late, greetings }
}

/** Each page reconnects to any other node, as behind a load balancer. */
async function deployed(mode, given, count) {
  const nodes = []
  for (let i = 0; i < NODES; i += 1) nodes.push(await startSockets(mode, given))
  const visitors = await visitorsOf(mode, nodes[0].port, count)
  const shares = nodes.map((_, node) => visitors.filter((_, i) => i % NODES === node))
  const pages = []
  for (const [node, share] of shares.entries()) pages.push((await openPages(share, [nodes[node].port])).flat())
  const anyPort = () => nodes[Math.floor(Math.random() * nodes.length)].port
  const returns = watch(pages.flat(), anyPort)
  const all = []
  for (let i = 0; i < NODES; i += 1) {
    nodes.push(await startSockets(mode, given))
    const leaving = nodes.shift()
    const { sockets } = await leaving.ask('sockets')
    const began = performance.now()
    await leaving.end()
    all.push(await returns(began, sockets))
  }
  closePages(pages.flat())
  for (const node of nodes) await node.end()
  return { 'deploy: p50': percentile(all.flat(), 0.5), 'deploy: all': Math.max(...all.flat()) }
}

/** Makes pages reconnect. The returned function resolves once `count` pages are back, with the ms of each. */
function watch(pages, portOf) {
  let back = []
  let notice = () => undefined
  const onBack = () => {
    back.push(performance.now())
    notice()
  }
  for (const page of pages) keepOpen(page, { portOf, longest: longest(pages.length), onBack })
  return async (began, count) => {
    while (back.length < count)
      await new Promise((resolve) => {
        notice = resolve
      })
    const times = back.map((at) => at - began)
    back = []
    return times
  }
}
