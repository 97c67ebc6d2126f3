// Reads request bodies up to a maximum size, as JSON or text.

import type { IncomingMessage } from 'node:http'
import type Koa from 'koa'
import { LiveSessionError } from '../../shared/errors.js'
import { MAX_BODY } from '../../shared/protocol.js'

const READ_ALREADY =
  'koa-live-session: the body of a POST to the endpoint was read before live.middleware() ran, but is not in ctx.request.body, ' +
  'where parsers leave it. Put app.use(live.middleware()) before the code that reads the body'

/**
 * Reads a request's body as JSON, or returns the body that the app's own parser has read. Does not trust `ctx.request.body` alone: a parser
 * of forms sets it even if it leaves a JSON body unread.
 *
 * @throws {LiveSessionError} `malformed`, or `too_large` with status 413
 * @throws {TypeError} if other code has read and discarded the body, so that no page could save anything
 */
export async function readBody({ req, request }: Koa.Context): Promise<unknown> {
  const { body } = request as { readonly body?: unknown }
  if (Number(request.length) > MAX_BODY) throw tooLarge()
  if (req.readableDidRead && body === undefined) throw new TypeError(READ_ALREADY)
  if (req.readableDidRead) return body
  const bytes = await read(req)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new LiveSessionError('malformed', 'the body is not JSON', { cause })
  }
}

/**
 * Reads a request's body as text.
 *
 * @throws {LiveSessionError} `malformed`, or `too_large` with status 413
 */
export async function readText(req: IncomingMessage): Promise<string> {
  return (await read(req)).toString()
}

async function read(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    // If reading stops early, keeps the stream open, because an app's logger may still need the socket.
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      const data = Buffer.from(chunk)
      bytes += data.length
      if (bytes > MAX_BODY) break
      chunks.push(data)
    }
  } catch (cause) {
    throw new LiveSessionError('malformed', 'the body did not arrive', { cause })
  }
  if (bytes > MAX_BODY) throw tooLarge()
  return Buffer.concat(chunks)
}

function tooLarge(): LiveSessionError {
  return new LiveSessionError('too_large', `the body is over ${MAX_BODY} bytes`, { status: 413 })
}
