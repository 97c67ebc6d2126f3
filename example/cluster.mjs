// `npm run start:cluster`: runs the example on two nodes behind a small proxy, with a Redis as store and adapter. Starts and ends all of
// these processes.
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildInto } from './build.mjs'
import { ClusterNode } from './cluster/node.mjs'
import { createProxy } from './cluster/proxy.mjs'
import { findRedis, startRedis } from './cluster/redis.mjs'

const { EXAMPLE_CACHE, PORT = '3000', HOST } = process.env
const NAMES = ['A', 'B']
/** Why the start fails. No other port is tried: `localhost` at another port is another origin, with other unsaved changes. */
const reasons = { EADDRINUSE: 'is taken', EACCES: 'needs rights that this account does not have' }
const NO_ADDRESS = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN']

function fail(text) {
  const line = '!'.repeat(80)
  console.error(`\n${line}\n${text}\n${line}\n`)
  process.exit(1)
}

const server = findRedis()
if (server === undefined) {
  fail(`npm run start:cluster NEEDS REDIS, and there is no redis-server on this machine. Install it:
  Debian, Ubuntu: sudo apt-get install -y redis-server
  macOS:          brew install redis
or say where it is: REDIS_SERVER=/path/to/redis-server npm run start:cluster
Without Redis there is one node: npm start`)
}
if (PORT.trim() === '' || !(Number(PORT) >= 0 && Number(PORT) <= 65_535 && Number.isInteger(Number(PORT)))) {
  fail(`PORT: expected a number from 0 (any free port) to 65535, received "${PORT}".`)
}

const folder = resolve(EXAMPLE_CACHE || fileURLToPath(new URL('../.cache/cluster', import.meta.url)))
const nodes = []
let redis
let isEnding = false

const proxy = createProxy(() => nodes.filter((node) => node.isUp))

/** Ends the nodes first, because they may still have values to store. */
async function end(code) {
  if (isEnding) return
  isEnding = true
  proxy.close()
  proxy.closeAllConnections()
  await Promise.all(nodes.map((node) => node.end()))
  await redis?.end()
  process.exit(code)
}
process.on('SIGINT', () => end(0))
process.on('SIGTERM', () => end(0))

proxy.once('error', ({ code, message }) => {
  if (NO_ADDRESS.includes(code)) fail(`HOST: expected an address or a name of this machine, received "${HOST}".`)
  fail(`Port ${PORT} ${reasons[code] ?? message}. Choose another: PORT=3001 npm run start:cluster`)
})
await new Promise((resolve) => proxy.listen(Number(PORT), HOST || '127.0.0.1', resolve))

try {
  await mkdir(folder, { recursive: true })
  await buildInto(folder, 'example')
  redis = await startRedis(server, () => end(1))
  for (const name of NAMES) {
    const env = {
      NODE_NAME: name,
      NODE_NAMES: NAMES.join(),
      REDIS_SOCKET: redis.path,
      CLUSTER_PORT: String(proxy.address().port),
    }
    nodes.push(new ClusterNode(name, join(folder, 'server.mjs'), env))
  }
  await Promise.all(nodes.map((node) => node.start()))
  for (const { name, pid } of nodes)
    console.log(`Node ${name} is process ${pid}. End it as hard as it gets: kill -9 ${pid}`)
  console.log(`ControlManiac: ${nodes[0].url} (pid ${process.pid})`)
} catch (error) {
  console.error(error)
  await end(1)
}
