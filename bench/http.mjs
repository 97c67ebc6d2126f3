// Targets 1 to 3: HTTP requests a second, each as a ratio to a server without us, all taken in one run and in turn.
import { fork } from 'node:child_process'
import autocannon from 'autocannon'
import { median, pinned, report, withRedis } from './tools.mjs'

const ROUNDS = 7
const SECONDS = 1.5
const CONNECTIONS = 64

export async function http() {
  await withRedis(async (redisSocket) => {
    const names = [
      'koa',
      'koa with headers',
      'live unused',
      'live warm',
      'live busy',
      'live cold',
      'koa-session cookie',
      'koa-session beside',
      'live beside',
    ]
    if (redisSocket) names.push('koa-session redis')
    const servers = await Promise.all(names.map((name) => start(name, redisSocket)))
    try {
      for (const server of servers) await load(server, 1)
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const server of round % 2 ? [...servers].reverse() : servers)
          server.results.push(await load(server, SECONDS))
      }
    } finally {
      for (const { child } of servers) child.kill()
    }
    show(Object.fromEntries(servers.map(({ name, results }) => [name, results])))
  })
}

async function start(name, redisSocket) {
  const child = fork(new URL('./http-server.mjs', import.meta.url), [name, redisSocket ?? ''], pinned(0))
  const { port, cookies } = await new Promise((resolve) => child.once('message', resolve))
  return { name, child, port, cookies, results: [] }
}

async function load({ child, port, cookies }, duration) {
  const before = await cpu(child)
  // Each connection has visitors of its own, who take turns.
  let connection = 0
  const setupClient = (client) => {
    const own = cookies.filter((_, i) => i % CONNECTIONS === connection % Math.min(CONNECTIONS, cookies.length))
    client.setRequests(own.map((cookie) => ({ method: 'GET', path: '/', headers: { cookie } })))
    connection += 1
  }
  const url = `http://127.0.0.1:${port}`
  const { requests: done, non2xx, errors } = await autocannon({ url, connections: CONNECTIONS, duration, setupClient })
  if (non2xx + errors > 0) throw new Error(`${non2xx} bad answers, ${errors} errors`)
  return { rate: done.total / duration, cpu: ((await cpu(child)) - before) / done.total }
}

async function cpu(child) {
  const answer = new Promise((resolve) => child.once('message', resolve))
  child.send('cpu')
  const { user, system } = (await answer).cpu
  return user + system
}

function show(results) {
  const ratio = (a, b, of) => median(results[a].map((result, i) => of(result, results[b][i])))
  const rate = (a, b) => ratio(a, b, (x, y) => x.rate / y.rate)
  console.table(
    Object.entries(results).map(([name, list]) => ({
      name,
      'requests/s': Math.round(median(list.map((result) => result.rate))),
      'cpu us': Number(median(list.map((result) => result.cpu)).toFixed(1)),
      'rate to koa': Number(rate(name, 'koa').toFixed(3)),
      'cpu of koa': Number(ratio(name, 'koa', (x, y) => y.cpu / x.cpu).toFixed(3)),
    })),
  )
  report('1 warm read / bare Koa', rate('live warm', 'koa'), '>=', 0.95)
  report('1 warm read / koa-session cookie', rate('live warm', 'koa-session cookie'), '>=', 2.1)
  if (results['koa-session redis'])
    report('1 warm read / koa-session on Redis', rate('live warm', 'koa-session redis'), '>=', 2.6)
  report(
    '1 warm, with 100 sign-outs and 500 socket closes a second / quiet',
    rate('live busy', 'live warm'),
    '>=',
    0.95,
  )
  report('1 cold read / koa-session cookie', rate('live cold', 'koa-session cookie'), '>=', 1.4)
  report('2 unused / bare Koa', rate('live unused', 'koa'), '>=', 0.98)
  report('3 beside koa-session / koa-session alone', rate('live beside', 'koa-session beside'), '>=', 0.97)
}
