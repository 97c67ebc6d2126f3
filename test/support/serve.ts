import { once } from 'node:events'
import { createServer, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type Koa from 'koa'
import { afterEachFile } from './cleanup.js'
import { Visitor } from './visitor.js'

const servers: Server[] = []
const visitors: Visitor[] = []

afterEachFile(async () => {
  for (const visitor of visitors) visitor.leave()
  for (const server of servers) {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
})

/** Returns a visitor of an app that does not listen yet, or of a server that already does. */
export async function serve(app: Koa | Server): Promise<Visitor> {
  const server = app instanceof Server ? app : createServer(app.callback()).listen(0, '127.0.0.1')
  servers.push(server)
  if (!server.listening) await once(server, 'listening')
  const visitor = new Visitor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  visitors.push(visitor)
  return visitor
}
