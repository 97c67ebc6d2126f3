// Target 8: from a change in a tab at one node to a tab at another one, over a Redis, and how many a second; beside the bare adapter's broadcast.
import { fork } from 'node:child_process'
import { loadavg } from 'node:os'
import { openTab } from './tab.mjs'
import { median, percentile, pinned, report, withRedis } from './tools.mjs'

const ROUNDS = 9
const USERS = 16
const CHANGES = 300
const MS = 1500
/** Twice the bare one: what two equal ones differ by is the noise. */
const MODES = ['bare', 'live', 'bare again']

export async function nodes() {
  await withRedis(async (redis) => {
    if (redis === undefined) return
    const clusters = []
    try {
      for (const name of MODES) clusters.push(await start(name, redis))
      for (const cluster of clusters) await round(cluster)
      for (let i = 0; i < ROUNDS; i += 1) {
        for (const cluster of i % 2 ? [...clusters].reverse() : clusters) cluster.results.push(await round(cluster))
      }
    } finally {
      for (const { children, users } of clusters) {
        for (const { socket } of users.flat()) socket.disconnect()
        for (const child of children) child.kill()
      }
    }
    show(clusters)
  })
}

/** Two nodes, and two tabs of each user: one at each. */
async function start(name, redis) {
  const mode = name.split(' ')[0]
  const children = []
  const nodes = []
  for (let node = 0; node < 2; node += 1) {
    const child = fork(new URL('./socket-server.mjs', import.meta.url), [mode, redis, name], pinned(0))
    children.push(child)
    nodes.push(await new Promise((resolve) => child.once('message', resolve)))
  }
  const open = ({ port }, user) => openTab(port, nodes[0].cookies[user] ?? '', `u${user}`)
  const users = []
  for (let user = 0; user < USERS; user += 1) users.push([await open(nodes[0], user), await open(nodes[1], user)])
  return { name, children, users, results: [] }
}

async function round({ users }) {
  const times = []
  for (let i = 0; i < CHANGES; i += 1) {
    times.push(await change(users[0], i))
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return { p50: percentile(times, 0.5), rate: await rate(users) }
}

/** From the click in one tab until the other has it. */
async function change([from, other], value) {
  const began = performance.now()
  const seen = other.seen()
  from.set(value)
  await seen
  return performance.now() - began
}

/** Each user has one change under way at any time; the next goes out when the other node's tab has it. */
async function rate(users) {
  let changes = 0
  const end = performance.now() + MS
  const go = async (tabs) => {
    while (performance.now() < end) {
      await change(tabs, changes)
      changes += 1
    }
  }
  await Promise.all(users.map(go))
  return (changes / MS) * 1000
}

function show(clusters) {
  console.table(
    clusters.map(({ name, results }) => ({
      name,
      'p50 ms': Number(median(results.map(({ p50 }) => p50)).toFixed(3)),
      'changes/s': Math.round(median(results.map((result) => result.rate))),
    })),
  )
  console.log(`load average: ${loadavg()[0].toFixed(1)}`)
  const [bare, live, again] = clusters.map(({ results }) => results)
  const ratio = (these, what) => median(these.map((result, i) => result[what] / bare[i][what]))
  console.log(
    `noise: bare again / bare: p50 ${ratio(again, 'p50').toFixed(3)}, changes/s ${ratio(again, 'rate').toFixed(3)}`,
  )
  report('8 change to the other node, p50 / bare', ratio(live, 'p50'), '<=', 1.15)
  report('8 changes a second / bare', ratio(live, 'rate'), '>=', 0.85)
}
