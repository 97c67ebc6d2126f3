import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdapter, setupPrimary } from '@socket.io/cluster-adapter'
import { setupMaster, setupWorker } from '@socket.io/sticky'
import type { Server } from 'socket.io'
import { startNodeApp } from './node-app.js'

const WORKERS = 2

/** Forked by a test: a primary that hands each connection to one of two workers, and sends its URL. */
if (cluster.isPrimary) {
  const server = createServer()
  setupMaster(server, { loadBalancingMethod: 'least-connection' })
  setupPrimary()
  // As in docs/scaling.md: the primary passes the bytes of requests on as Buffers.
  cluster.setupPrimary({ serialization: 'advanced' })
  const workers = Array.from({ length: WORKERS }, () => cluster.fork())
  await Promise.all(workers.map((worker) => isReady(worker)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  process.on('disconnect', () => process.exit())
} else {
  const servers: Server[] = []
  await startNodeApp(async (io) => {
    io.adapter(createAdapter())
    // The first character of an id says which worker has the connection.
    io.engine.generateId = (
      (create) => () =>
        `${cluster.worker?.id}${create().slice(1)}`
    )(io.engine.generateId as () => string)
    setupWorker(io)
    servers.push(io)
    return async () => undefined
  })
  for (const io of servers) {
    while ((await io.of('/').adapter.serverCount()) < WORKERS) await new Promise((resolve) => setImmediate(resolve))
  }
  process.send?.('ready')
}

function isReady(worker: ReturnType<typeof cluster.fork>): Promise<void> {
  return new Promise((resolve) => worker.on('message', (message) => message === 'ready' && resolve()))
}
