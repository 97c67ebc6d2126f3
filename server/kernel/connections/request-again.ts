import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/**
 * A request that says once more what the one that opened a connection said, and no more: what middleware has noted on that one, as
 * Express' does, would be taken for an answer.
 *
 * @param remoteAddress whose connection it is: where that polls, the socket of its first request may be gone, and the address with it
 */
export function requestAgain(request: IncomingMessage, remoteAddress: string | undefined): IncomingMessage {
  const { method, url, headers, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor } = request
  const socket: Socket = Object.create(request.socket, { remoteAddress: { value: remoteAddress } })
  const again = new IncomingMessage(socket)
  again.push(null)
  const line = { method, url, httpVersion, httpVersionMajor, httpVersionMinor }
  return Object.assign(again, line, { headers: { ...headers }, rawHeaders, complete: true })
}
