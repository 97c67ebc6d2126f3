// A stranger's view of a server: from another machine, or as a page whose host name resolves to this machine.

import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { text } from 'node:stream/consumers'
import { once } from './awaited.js'

/** Sends a WebSocket handshake, and resolves with the first line of the response and its body. */
export async function upgrade(port: string, host: string): Promise<{ readonly line: string; readonly body: string }> {
  const socket = connect(Number(port), '127.0.0.1')
  const lines = [
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1',
    `Host: ${host}`,
    `Origin: http://${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  // An accepted handshake leaves the socket open.
  const [first] = await once(socket, 'data')
  if (String(first).startsWith('HTTP/1.1 101')) socket.destroy()
  const [head = '', body = ''] = `${first}${await text(socket).catch(() => '')}`.split('\r\n\r\n')
  return { line: head.split('\r\n')[0] ?? '', body }
}

/** Resolves with whether a server accepts a connection at this address. */
export async function isReached(address: string, port: string): Promise<boolean> {
  const socket = connect(Number(port), address)
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return isOpen
}

/** Every address of this machine where a server on all interfaces would answer, except 127.0.0.1. */
export function otherAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const reachable = all.filter(({ scopeid, address }) => address !== '127.0.0.1' && !scopeid)
  return [...new Set(['::1', ...reachable.map(({ address }) => address)])]
}
