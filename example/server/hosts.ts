import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import { isIP, isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'

const LOOPBACK = '127.0.0.1'
/** Always allowed: pages of other sites never have these hosts. */
const LOCAL: readonly string[] = ['localhost', LOOPBACK, '[::1]']
const EVERYWHERE: readonly string[] = ['0.0.0.0', '[::]']
const ANY_ADDRESS = 'any IP address'

type Variables = Readonly<NodeJS.ProcessEnv>

/** Returns the address to listen on: HOST, or loopback. A node of the cluster listens only for its proxy. */
export function listenAddress({ HOST, CLUSTER_PORT }: Variables = process.env): string {
  return CLUSTER_PORT === undefined && HOST ? HOST : LOOPBACK
}

/** Returns the origin of the server, or of its cluster's proxy. */
export function ownOrigin(port: number, { HOST = '', CLUSTER_PORT }: Variables = process.env): string {
  const isLocal = HOST === '' || HOST === LOOPBACK || EVERYWHERE.includes(bracketed(HOST))
  return `http://${isLocal ? 'localhost' : bracketed(HOST)}:${CLUSTER_PORT ?? port}`
}

/**
 * The allowed hosts of a server. In DNS rebinding, an attacker's name resolves to this machine: the attacker's page then shares the
 * server's origin, and only the Host header reveals the name.
 */
export class Hosts {
  readonly #names: ReadonlySet<string>
  readonly #hasAnyAddress: boolean

  constructor({ HOST = '', ALLOWED_HOSTS = '' }: Variables = process.env) {
    const given = [HOST, ...ALLOWED_HOSTS.split(',')].map((name) => bracketed(name.trim().toLowerCase()))
    this.#names = new Set([...LOCAL, ...given.filter((name) => name !== '' && !EVERYWHERE.includes(name))])
    this.#hasAnyAddress = EVERYWHERE.includes(bracketed(HOST))
  }

  /** Returns whether a Host header names an allowed host, at any port. */
  has(header = ''): boolean {
    const name = header.replace(/:\d+$/, '').toLowerCase()
    if (this.#names.has(name)) return true
    // An IP address needs no DNS, so rebinding is impossible.
    return this.#hasAnyAddress && isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
  }

  toString(): string {
    const [all, anyAddress] = [[...this.#names], this.#hasAnyAddress ? [ANY_ADDRESS] : []]
    return [...all.slice(0, LOCAL.length), ...anyAddress, ...all.slice(LOCAL.length)].join(', ')
  }
}

/** Refuses requests and WebSockets for other hosts before the app and socket.io get them. Call this after both listen to `http`. */
export function checkHosts(http: HttpServer, hosts = new Hosts()): void {
  guard(http, 'request', hosts, (res: ServerResponse, text) => {
    res.writeHead(421, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' }).end(text)
  })
  guard(http, 'upgrade', hosts, (socket: Duplex, text) => {
    // Node leaves the errors of such a socket to its listeners.
    socket.on('error', () => socket.destroy())
    const head = 'HTTP/1.1 421 Misdirected Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close'
    socket.end(`${head}\r\n\r\n${text}`)
  })
}

function guard<To>(http: HttpServer, event: string, hosts: Hosts, refuse: (to: To, text: string) => void): void {
  const listeners = http.listeners(event)
  http.removeAllListeners(event)
  http.on(event, (req: IncomingMessage, to: To, ...rest: readonly unknown[]) => {
    const { host } = req.headers
    if (hosts.has(host)) for (const listener of listeners) listener.call(http, req, to, ...rest)
    else refuse(to, describe(host, hosts))
  })
}

function describe(host = '', hosts: Hosts): string {
  const name = JSON.stringify(host.replace(/:\d+$/, '').slice(0, 200))
  return `This example does not serve the host ${name}, only ${hosts}. Start it with ALLOWED_HOSTS=<name> to serve another.\n`
}

function bracketed(name: string): string {
  return isIPv6(name) ? `[${name}]` : name
}
