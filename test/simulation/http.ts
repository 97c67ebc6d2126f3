import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'

const HOST = 'simulation.example'
const ORIGIN: string = `http://${HOST}`

const SOCKET = { encrypted: false, remoteAddress: '127.0.0.1' }

type Header = number | string | string[]

/** The part of a request that Koa, koa-session and the plugin use. */
export function fakeRequest(
  method: 'GET' | 'POST',
  url: string,
  cookies: string,
  body = '',
  headers: Readonly<Record<string, string>> = {},
): IncomingMessage {
  const bytes = Buffer.from(body)
  const common = { host: HOST, origin: ORIGIN, ...(cookies === '' ? {} : { cookie: cookies }), ...headers }
  const ofBody = body === '' ? {} : { 'content-type': 'application/json', 'content-length': String(bytes.length) }
  return {
    method,
    url,
    headers: { ...common, ...ofBody },
    socket: SOCKET,
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    iterator: () => [bytes],
  } as unknown as IncomingMessage
}

/** The part of a response that Koa, koa-session and the plugin use. */
export class FakeResponse extends EventEmitter {
  statusCode = 404
  statusMessage = ''
  headersSent = false
  finished = false
  writableEnded = false
  closed = false
  readonly socket: null = null
  req: IncomingMessage | undefined
  body = ''
  readonly #headers = new Map<string, Header>()
  #cookies: readonly (readonly [name: string, value: string])[] | undefined

  setHeader(name: string, value: Header): this {
    this.#headers.set(name.toLowerCase(), value)
    return this
  }

  getHeader(name: string): Header | undefined {
    return this.#headers.get(name.toLowerCase())
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(name.toLowerCase())
  }

  removeHeader(name: string): void {
    this.#headers.delete(name.toLowerCase())
  }

  getHeaderNames(): string[] {
    return [...this.#headers.keys()]
  }

  getHeaders(): Record<string, Header> {
    return Object.fromEntries(this.#headers)
  }

  writeHead(status: number): this {
    this.statusCode = status
    this.headersSent = true
    return this
  }

  end(body: Buffer | string = ''): this {
    if (!this.headersSent) this.writeHead(this.statusCode)
    this.body = String(body)
    this.finished = true
    this.writableEnded = true
    this.closed = true
    this.emit('finish')
    this.emit('close')
    return this
  }

  get cookies(): readonly (readonly [name: string, value: string])[] {
    if (this.finished) this.#cookies ??= this.#read()
    return this.#cookies ?? this.#read()
  }

  #read(): readonly (readonly [name: string, value: string])[] {
    const header = this.getHeader('set-cookie')
    const lines = Array.isArray(header) ? header : header === undefined ? [] : [String(header)]
    return lines.map((line) => {
      const [pair = ''] = line.split(';', 1)
      const at = pair.indexOf('=')
      return [pair.slice(0, at), line.includes('expires=Thu, 01 Jan 1970') ? '' : pair.slice(at + 1)]
    })
  }

  get asServerResponse(): ServerResponse {
    return this as unknown as ServerResponse
  }
}
