import { connect, type Socket } from 'socket.io-client'
import { afterEachTest } from './cleanup.js'
import { DocsServer } from './docs-server.js'
import { Visitor } from './visitor.js'

/** Called after the test that added them, last one first, to end what it has started. */
export const ends: (() => unknown)[] = []
afterEachTest(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** Starts a server from a document, for the duration of the test. */
export async function startDocs(...args: Parameters<typeof DocsServer.start>): Promise<DocsServer> {
  const server = await DocsServer.start(...args)
  ends.push(() => server.remove())
  return server
}

/** Returns a new visitor of the server. */
export function visitorOf({ url }: DocsServer): Visitor {
  const visitor = new Visitor(url)
  ends.push(() => visitor.leave())
  return visitor
}

/** Returns a socket of the visitor before it connects, so that no event is missed. */
export function socketOf(visitor: Visitor): Socket {
  const extraHeaders = { cookie: visitor.cookie, origin: visitor.url }
  const socket = connect(visitor.url, { transports: ['websocket'], forceNew: true, extraHeaders })
  ends.push(() => socket.disconnect())
  return socket
}
