import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { WireChange } from '../../../shared/protocol.js'
import { Gate } from '../app/gate.js'

/** A fault of a POST: the request or response is lost, or held until `release`; or the request arrives twice. */
export type Fault = 'lose request' | 'lose answer' | 'hold request' | 'hold answer' | 'twice'

/** The direction of WebSocket data. */
export type Way = 'to server' | 'to page'

/** Headers that belong to a single connection. */
const OWN = /^(connection|keep-alive|transfer-encoding|content-length)$/i

interface Answer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** The network between browsers and a server, on its own port: it fails on demand, in the same way for every browser. */
export class FaultProxy {
  /** Bodies of the POSTs to the endpoint, as the browser sent them. */
  readonly posts: { readonly tickets?: string[]; readonly set?: WireChange[]; readonly subject?: string }[] = []
  readonly #target: () => number
  readonly #http: Server
  readonly #sockets = new Set<Socket>()
  readonly #holds = new Set<Set<Way>>()
  readonly #faults: Fault[] = []
  #gates: Gate[] = []
  #releases = 0
  #isOffline = false
  /** Whether the browser never gets a cookie. */
  #dropsCookies = false
  #next = new Gate()

  private constructor(target: () => number) {
    this.#target = target
    this.#http = createServer((ask, answer) => void this.#forward(ask, answer).catch(() => answer.destroy()))
    this.#http.on('upgrade', (ask, socket, head) => this.#upgrade(ask, socket as Socket, head))
    this.#http.on('connection', (socket) => {
      if (this.#isOffline) socket.destroy()
      else this.#track(socket)
    })
  }

  static async start(target: () => number): Promise<FaultProxy> {
    const proxy = new FaultProxy(target)
    proxy.#http.listen(0, '127.0.0.1')
    await once(proxy.#http, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  /** Sets the faults of the next POSTs to the endpoint. */
  break(...faults: Fault[]): void {
    this.#faults.push(...faults)
  }

  /** Resolves when the next POST has met its fault, or a WebSocket has held data. */
  async met(): Promise<void> {
    await this.#next.entered
    this.#next = new Gate()
  }

  /** Holds the data of the open WebSockets in this direction until `release`. */
  hold(way: Way): void {
    for (const ways of this.#holds) ways.add(way)
  }

  get held(): number {
    return this.#gates.length
  }

  /** Releases everything held, and drops the remaining faults. */
  release(): void {
    this.#faults.length = 0
    this.#releases += 1
    for (const ways of this.#holds) ways.clear()
    this.deliver()
  }

  /** Releases everything held now. */
  deliver(): void {
    for (const gate of this.#gates.splice(0)) gate.open()
  }

  offline(): void {
    this.#isOffline = true
    for (const socket of this.#sockets) socket.destroy()
  }

  online(): void {
    this.#isOffline = false
  }

  /** Drops all cookies from now on, for a browser without a setting to block cookies. */
  dropCookies(): void {
    this.#dropsCookies = true
  }

  async stop(): Promise<void> {
    this.release()
    this.offline()
    this.#http.close()
    this.#http.closeAllConnections()
    await once(this.#http, 'close')
  }

  async #forward(ask: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await buffer(ask)
    if (ask.url !== '/store_session' || ask.method !== 'POST') return reply(answer, await this.#send(ask, body))
    this.posts.push(JSON.parse(body.toString()))
    await this.#meet(this.#faults.shift(), ask, body, answer)
  }

  async #meet(fault: Fault | undefined, ask: IncomingMessage, body: Buffer, answer: ServerResponse): Promise<void> {
    const met = (): void => void this.#next.pass()
    const releases = this.#releases
    if (fault === 'lose request') {
      answer.destroy()
      return met()
    }
    if (fault === 'hold request') await this.#hold(met)
    if (fault === 'twice') await this.#send(ask, body)
    const received = await this.#send(ask, body)
    if (fault === 'lose answer') {
      answer.destroy()
      return met()
    }
    // If `release` was called while the server was being asked, the response is not held.
    if (fault === 'hold answer' && releases === this.#releases) await this.#hold(met)
    else if (fault === 'twice') met()
    reply(answer, received)
  }

  #hold(met: () => void = () => undefined): Promise<void> {
    const gate = new Gate()
    this.#gates.push(gate)
    met()
    return gate.pass()
  }

  /** Forwards a request with the browser's Host, so that the page's origin is the app's own. */
  async #send({ method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
    const port = this.#target()
    const out = request({ host: '127.0.0.1', port, method, path: url, headers: { ...headers, connection: 'close' } })
    out.end(body)
    const [received] = (await once(out, 'response')) as [IncomingMessage]
    const isKept = (name: string): boolean => !OWN.test(name) && !(this.#dropsCookies && /^set-cookie$/i.test(name))
    const kept = received.rawHeaders.flatMap((name, i, all) =>
      i % 2 === 0 && isKept(name) ? [name, all[i + 1] ?? ''] : [],
    )
    return { status: received.statusCode ?? 0, headers: kept, body: await buffer(received) }
  }

  #upgrade(ask: IncomingMessage, socket: Socket, head: Buffer): void {
    const server = connect(this.#target(), '127.0.0.1')
    this.#track(server)
    const lines = ask.rawHeaders.flatMap((name, i) => (i % 2 ? [] : [`${name}: ${ask.rawHeaders[i + 1]}`]))
    server.write([`GET ${ask.url} HTTP/1.1`, ...lines, '', ''].join('\r\n'))
    server.write(head)
    const ways = new Set<Way>()
    this.#holds.add(ways)
    for (const one of [server, socket]) one.on('error', () => undefined)
    const ends = [this.#carry(socket, server, 'to server', ways), this.#carry(server, socket, 'to page', ways)]
    void Promise.all(ends).then(() => this.#holds.delete(ways))
  }

  async #carry(from: Socket, to: Socket, way: Way, ways: ReadonlySet<Way>): Promise<void> {
    try {
      for await (const chunk of from) {
        if (ways.has(way)) await this.#hold(() => void this.#next.pass())
        to.write(chunk)
      }
      to.end()
    } catch {
      to.destroy()
    }
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
  }
}

/** Closes the connection after each response, because browsers resend a POST by themselves if a reused connection is cut. */
function reply(answer: ServerResponse, { status, headers, body }: Answer): void {
  answer.writeHead(status, [...headers, 'Connection', 'close', 'Content-Length', String(body.length)])
  answer.end(body)
}
