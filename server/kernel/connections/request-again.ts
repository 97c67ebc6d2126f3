import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Copies the request that opened a connection, without anything that middleware, such as Express', has noted on it: that would be taken for
 * an answer.
 *
 * @param remoteAddress the address of the connection: with polling, the socket of the first request may be gone, and its address with it
 */
export function requestAgain(request: IncomingMessage, remoteAddress: string | undefined): IncomingMessage {
  const { method, url, headers, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor } = request
  const socket: Socket = Object.create(request.socket, { remoteAddress: { value: remoteAddress } })
  const again = new IncomingMessage(socket)
  again.push(null)
  const line = { method, url, httpVersion, httpVersionMajor, httpVersionMinor }
  return Object.assign(again, line, { headers: { ...headers }, rawHeaders, complete: true })
}
