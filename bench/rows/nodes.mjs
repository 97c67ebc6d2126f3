// Target 8: the time from a change in a tab at a node to its arrival in a tab at another node, over Redis; and changes per second.
import { CONTROL, compare, WARM_UP } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { withRedis } from '../harness/redis.mjs'
import { closePages, openPages, startSockets, visitorsOf } from '../harness/socket-server.mjs'
import { median, sleep } from '../harness/statistics.mjs'
import { namesOf, tableOf } from '../harness/table.mjs'

const USERS = 16
const CHANGES = 100
const BARE = 'bare socket.io, redis-adapter'
const OURS = 'this library, redis-adapter'
const BARE_STREAMS = 'bare socket.io, redis-streams-adapter'
const OURS_STREAMS = 'this library, redis-streams-adapter'
const CLUSTERS = {
  [BARE]: ['bare', 'pubSub'],
  [OURS]: ['live', 'pubSub'],
  'this library, redis-adapter and a store': ['live', 'pubSub', true],
  [BARE_STREAMS]: ['bare', 'streams'],
  [OURS_STREAMS]: ['live', 'streams'],
}
let clusters = 0

export const nodes = {
  title: 'A change reaches a tab at another node',
  run: (scale) => withRedis((redis) => redis && run(scale, redis)),
}

async function run({ rounds, samples, warmUps, ms, part }, redis) {
  const contestants = Object.entries(CLUSTERS).map(([name, [mode, adapter, stored = false]]) => [
    name,
    () => cluster(mode, { adapter, stored, redis }, { ms, changes: CHANGES * part }),
  ])
  const measured = await compare(Object.fromEntries(contestants), { rounds, samples, warmUps })
  const table = tableOf('', namesOf(measured), {
    'p50 ms': (name) => measured.of(name, 'p50'),
    'changes/s': (name) => measured.of(name, 'rate'),
    'p50, of the first': (name) => measured.toBase(name, 'p50'),
    'changes/s, of the first': (name) => measured.toBase(name, 'rate'),
  })
  const bars = measured.names.filter((name) => name !== CONTROL).map((name) => [name, measured.toBase(name, 'p50')])
  const title = 'Time to a tab at another node, as a multiple of the first'
  return { tables: [table], goals: goals(measured), bars: { title, values: bars } }
}

async function cluster(mode, given, { ms, changes }) {
  clusters += 1
  const own = { ...given, prefix: `bench-${clusters}` }
  const children = [await startSockets(mode, own), await startSockets(mode, own)]
  const ports = children.map(({ port }) => port)
  const users = await openPages(await visitorsOf(mode, ports[0], USERS), ports)
  const sample = async () => ({ p50: median(await latencies(users[0], changes)), rate: await rate(users, ms) })
  // Both processes share one processor, so V8 takes longer to compile their code.
  await rate(users, 4 * WARM_UP)
  const end = async () => {
    closePages(users)
    for (const child of children) await child.end()
  }
  return { sample, end }
}

async function latencies(pages, count) {
  const times = []
  for (let i = 0; i < count; i += 1) {
    times.push(await change(pages, i))
    await sleep(1)
  }
  return times
}

/** Returns the ms until the other tab has the change. */
async function change([from, other], value) {
  const began = performance.now()
  const seen = other.seen()
  const set = from.set(value)
  await seen
  const took = performance.now() - began
  await set
  return took
}

/** Sends each user's next change after the previous change has reached the tab at the other node. */
async function rate(users, ms) {
  const end = performance.now() + ms
  let done = 0
  const keepChanging = async (pages) => {
    for (; performance.now() < end; done += 1) await change(pages, done)
  }
  await Promise.all(users.map(keepChanging))
  return (done * 1000) / ms
}

function goals(measured) {
  const judged = (ours, bare, kind) => [
    judge(`${kind}: p50 / bare`, measured.ratio(ours, bare, 'p50'), '<=', 1.4, measured.noise('p50')),
    judge(`${kind}: changes/s / bare`, measured.ratio(ours, bare, 'rate'), '>=', 0.6, measured.noise('rate')),
  ]
  return [...judged(OURS, BARE, 'redis-adapter'), ...judged(OURS_STREAMS, BARE_STREAMS, 'redis-streams-adapter')]
}
