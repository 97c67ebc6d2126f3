import cluster from 'node:cluster'
import { createAdapter, setupPrimary } from '@socket.io/cluster-adapter'
import type { Server } from 'socket.io'
import { startNodeApp } from './node-app.js'

/** Forked by a test: a primary with two workers, each its own node. Sends their URLs to the test. */
if (cluster.isPrimary) {
  setupPrimary()
  const urls: string[] = []
  for (const _ of [1, 2])
    cluster.fork().on('message', ({ url }: { readonly url?: string }) => {
      if (url === undefined) return
      urls.push(url)
      if (urls.length === 2) process.send?.(urls)
    })
  process.on('disconnect', () => process.exit())
} else {
  const servers: Server[] = []
  const { url } = await startNodeApp(async (io) => {
    io.adapter(createAdapter())
    servers.push(io)
    return async () => undefined
  })
  for (const io of servers) {
    while ((await io.of('/').adapter.serverCount()) < 2) await new Promise((resolve) => setImmediate(resolve))
  }
  process.send?.({ url })
}
