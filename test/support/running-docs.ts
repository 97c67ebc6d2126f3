import { afterEach } from '@jest/globals'
import { connect, type Socket } from 'socket.io-client'
import { DocsServer } from './docs-server.js'
import { Visitor } from './visitor.js'

/** Ends what a test has started, after that test: the last first. */
export const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A server that stands in a document, for as long as the test. */
export async function startDocs(...args: Parameters<typeof DocsServer.start>): Promise<DocsServer> {
  const server = await DocsServer.start(...args)
  ends.push(() => server.remove())
  return server
}

/** A new visitor of it. */
export function visitorOf({ url }: DocsServer): Visitor {
  const visitor = new Visitor(url)
  ends.push(() => visitor.leave())
  return visitor
}

/** A socket of the visitor that has not connected yet: nothing comes before it is listened for. */
export function socketOf(visitor: Visitor): Socket {
  const extraHeaders = { cookie: visitor.cookie, origin: visitor.url }
  const socket = connect(visitor.url, { transports: ['websocket'], forceNew: true, extraHeaders })
  ends.push(() => socket.disconnect())
  return socket
}
