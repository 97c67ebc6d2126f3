import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type Koa from 'koa'

export type RequestListener = ReturnType<Koa['callback']>

/** A request after Node's parser: header names in lower case. */
export interface RawRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** The connection is lost during the body. */
  readonly isBroken?: boolean
}

export interface Answer {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly cookies: readonly string[]
  readonly text: string
}

/** Has an app answer a request without a network, with Node's own request and response. */
export async function answerOf(listener: RequestListener, request: RawRequest): Promise<Answer> {
  const req = lightRequest(request)
  const res = new ServerResponse(req)
  let text = ''
  const end = res.end.bind(res)
  res.end = (chunk?: unknown) => {
    if (typeof chunk === 'string') text += chunk
    return end(chunk)
  }
  await listener(req, res)
  const headers = res.getHeaders()
  const answer = { status: res.statusCode, headers, cookies: [headers['set-cookie'] ?? []].flat(), text }
  // Listeners to the response's end run before the next input.
  res.emit('close')
  return answer
}

export function lightRequest({ method, url, headers, body, isBroken = false }: RawRequest): IncomingMessage {
  const connection = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
  // The request uses only the members of a stream.
  const req = new IncomingMessage(connection as Socket)
  Object.assign(req, { method, url, headers, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1 })
  const half = body.length >> 1
  req.push(body.subarray(0, half))
  if (isBroken) {
    connection.on('error', () => undefined)
    process.nextTick(() => req.destroy(new Error('aborted')))
    return req
  }
  req.push(body.subarray(half))
  req.complete = true
  req.push(null)
  return req
}
