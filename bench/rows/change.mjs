// Target 4: the time from a change in a tab to its arrival in the other two; and changes per second.
import { compare, WARM_UP } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { packages } from '../harness/packages.mjs'
import { withRedis } from '../harness/redis.mjs'
import { closePages, openPages, startSockets, visitorsOf } from '../harness/socket-server.mjs'
import { median, sleep } from '../harness/statistics.mjs'
import { namesOf, tableOf } from '../harness/table.mjs'
import { SESSIONS } from './packages.mjs'

const USERS = 100
const CHANGES = 100
/** By the name in the table: the number of users, and of each user's changes in flight at any time. */
const ONE = '16 users, one change each under way'
const EIGHT = '16 users, eight each'
const LOADS = {
  [ONE]: { users: 16, underWay: 1 },
  [EIGHT]: { users: 16, underWay: 8 },
  '100 users, one each': { users: USERS, underWay: 1 },
}
const BARE = 'bare socket.io'
const OURS = 'this library'
const RECIPE = 'socket.io with express-session, as documented'

export const change = {
  title: 'A change reaches the other tabs',
  run: (scale) => withRedis((redis) => run(scale, { redis, folder: packages(SESSIONS) })),
}

async function run({ rounds, samples, warmUps, ms, part }, given) {
  const how = { given, ms, changes: CHANGES * part }
  const contestants = {
    [BARE]: contestant('bare', how),
    [OURS]: contestant('live', how),
    ...(given.redis && given.folder && { [RECIPE]: contestant('expressSession', how) }),
  }
  const measured = await compare(contestants, { rounds, samples, warmUps })
  return { tables: tables(measured), goals: goals(measured) }
}

/** Returns a contestant: a server with its pages. */
export function contestant(mode, { given, ms, changes }) {
  return async () => {
    const child = await startSockets(mode, given)
    const { port } = child
    const users = await openPages(await visitorsOf(mode, port, USERS), [port, port, port])
    const sample = async () => {
      const figures = { p50: median(await latencies(users[0], changes)) }
      for (const [load, { users: count, underWay }] of Object.entries(LOADS)) {
        const measured = await throughput(child, users.slice(0, count), underWay, ms)
        for (const [what, value] of Object.entries(measured)) figures[`${load}: ${what}`] = value
      }
      return figures
    }
    await throughput(child, users, 1, WARM_UP)
    const end = () => {
      closePages(users)
      return child.end()
    }
    return { sample, end }
  }
}

async function latencies([from, ...others], count) {
  const times = []
  for (let i = 0; i < count; i += 1) {
    const began = performance.now()
    const seen = others.map((page) => page.seen())
    const set = from.set(i)
    await Promise.all(seen)
    times.push(performance.now() - began)
    await set
    await sleep(1)
  }
  return times
}

/** Sends the next change after each acknowledgement. */
async function throughput(child, users, underWay, ms) {
  const pages = users.flat()
  const sum = (what) => pages.reduce((total, page) => total + page[what], 0)
  const before = { cpu: (await child.ask('usage')).cpu, messages: sum('messages'), bytes: sum('bytes') }
  const end = performance.now() + ms
  let done = 0
  const keepSetting = async (page) => {
    for (; performance.now() < end; done += 1) await page.set(done)
  }
  await Promise.all(users.flatMap(([page]) => Array.from({ length: underWay }, () => keepSetting(page))))
  await sleep(50)
  return {
    rate: (done * 1000) / ms,
    cpu: ((await child.ask('usage')).cpu - before.cpu) / done,
    messages: (sum('messages') - before.messages) / done,
    bytes: (sum('bytes') - before.bytes) / done,
  }
}

function tables(measured) {
  const names = namesOf(measured)
  const latency = tableOf('one change at a time', names, {
    'p50 ms': (name) => measured.of(name, 'p50'),
    'of bare socket.io': (name) => measured.toBase(name, 'p50'),
  })
  const loads = Object.keys(LOADS).map((load) =>
    tableOf(load, names, {
      'changes/s': (name) => measured.of(name, `${load}: rate`),
      'of bare socket.io': (name) => measured.toBase(name, `${load}: rate`),
      'CPU µs': (name) => measured.of(name, `${load}: cpu`),
      'messages a change': (name) => measured.of(name, `${load}: messages`),
      'bytes a change': (name) => measured.of(name, `${load}: bytes`),
    }),
  )
  return [latency, ...loads]
}

function goals(measured) {
  const rate = (load, limit) =>
    judge(
      `changes/s, ${load} / bare`,
      measured.toBase(OURS, `${load}: rate`),
      '>=',
      limit,
      measured.noise(`${load}: rate`),
    )
  return [
    judge('change to the other tabs, p50 / bare', measured.toBase(OURS, 'p50'), '<=', 1.25, measured.noise('p50')),
    rate(ONE, 0.57),
    rate(EIGHT, 0.8),
  ]
}
