// Target 4: from a change in one tab to the other two, and how many changes a second; as ratios to bare socket.io.
import { fork } from 'node:child_process'
import { openTab } from './tab.mjs'
import { median, percentile, pinned, report } from './tools.mjs'

const ROUNDS = 9
const USERS = 16
const CHANGES = 400
const UNDER_WAY = 8
const MS = 1500

export async function sockets() {
  const servers = await Promise.all(['bare', 'live'].map(start))
  try {
    for (const server of servers) await round(server)
    for (let i = 0; i < ROUNDS; i += 1) {
      for (const server of i % 2 ? [...servers].reverse() : servers) server.results.push(await round(server))
    }
  } finally {
    for (const { child, users } of servers) {
      for (const { socket } of users.flat()) socket.disconnect()
      child.kill()
    }
  }
  show(servers)
}

async function start(name) {
  const child = fork(new URL('./socket-server.mjs', import.meta.url), [name], pinned(0))
  const { port, cookies } = await new Promise((resolve) => child.once('message', resolve))
  const users = []
  for (let user = 0; user < USERS; user += 1) {
    const open = () => openTab(port, cookies[user] ?? '', `u${user}`)
    users.push([await open(), await open(), await open()])
  }
  return { name, child, users, results: [] }
}

async function round({ child, users }) {
  return { p50: percentile(await latencies(users[0]), 0.5), ...(await throughput(child, users)) }
}

/** From the click in one tab until both others have it, one change at a time. */
async function latencies([from, ...others]) {
  const times = []
  for (let i = 0; i < CHANGES; i += 1) {
    const began = performance.now()
    const seen = others.map((tab) => tab.seen())
    from.set(i)
    await Promise.all(seen)
    times.push(performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return times
}

/** Each user has some changes under way at any time; the next goes out when one is acknowledged. */
async function throughput(child, users) {
  let changes = 0
  let isOver = false
  const before = await cpu(child)
  const next = (tab) => {
    if (isOver) return
    tab.set(changes, () => {
      changes += 1
      next(tab)
    })
  }
  for (const [tab] of users) for (let i = 0; i < UNDER_WAY; i += 1) next(tab)
  await new Promise((resolve) => setTimeout(resolve, MS))
  isOver = true
  const done = changes
  const used = (await cpu(child)) - before
  await new Promise((resolve) => setTimeout(resolve, 200))
  return { rate: (done / MS) * 1000, cpu: used / done }
}

async function cpu(child) {
  const answer = new Promise((resolve) => child.once('message', resolve))
  child.send('cpu')
  const { user, system } = (await answer).cpu
  return user + system
}

function show(servers) {
  console.table(
    servers.map(({ name, results }) => ({
      name,
      'p50 ms': Number(median(results.map((result) => result.p50)).toFixed(3)),
      'changes/s': Math.round(median(results.map((result) => result.rate))),
      'cpu us': Number(median(results.map((result) => result.cpu)).toFixed(1)),
    })),
  )
  const [bare, live] = servers.map(({ results }) => results)
  report('4 change to other tabs, p50 / bare', median(live.map((result, i) => result.p50 / bare[i].p50)), '<=', 1.4)
  report('4 changes a second / bare', median(live.map((result, i) => result.rate / bare[i].rate)), '>=', 0.75)
}
