import type { IncomingMessage } from 'node:http'
import { LiveSessionError } from '../../shared/errors.js'
import { MAX_BODY } from '../../shared/protocol.js'

/**
 * Reads a request's body as JSON.
 *
 * @throws {LiveSessionError} `malformed`, or `too_large` with status 413
 */
export async function readJson(req: IncomingMessage): Promise<unknown> {
  const body = await read(req)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    throw new LiveSessionError('malformed', 'the body is not JSON', { cause })
  }
}

/**
 * Reads a request's body as text.
 *
 * @throws {LiveSessionError} as `readJson`
 */
export async function readText(req: IncomingMessage): Promise<string> {
  return (await read(req)).toString()
}

async function read(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    // Left early, the stream must not be destroyed: an app that logs whose request it was would find no socket.
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

export function tooLarge(): LiveSessionError {
  return new LiveSessionError('too_large', `the body is over ${MAX_BODY} bytes`, { status: 413 })
}
