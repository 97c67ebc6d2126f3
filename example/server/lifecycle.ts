import type { Server as HttpServer } from 'node:http'
import type { Server } from 'socket.io'
import { checkHosts, Hosts, listenAddress, ownOrigin } from './hosts.js'

/** The exit code that tells start.mjs to give up. */
const HOPELESS = 2

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken',
  EACCES: 'needs rights that this account does not have',
}
const NO_ADDRESS = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN']

/**
 * Listens on HOST and PORT, prints the address, and sends start.mjs the port over IPC. Exits on SIGTERM.
 *
 * @param onUp called with the address
 */
export function serve(
  http: HttpServer,
  io: Server,
  live: { close(): Promise<void> },
  onUp: (url: string) => void = () => undefined,
): void {
  const hosts = new Hosts()
  checkHosts(http, hosts)
  listen(http, hosts, onUp)
  endWhenAsked(async () => {
    await live.close()
    const closed = io.close()
    http.closeAllConnections()
    await closed
  })
}

function listen(http: HttpServer, hosts: Hosts, onUp: (url: string) => void): void {
  const port = Number(process.env['PORT'] ?? 3000)
  const address = listenAddress()
  http.once('error', (error: NodeJS.ErrnoException) => {
    const command = process.env['npm_lifecycle_event'] ?? 'start'
    const reason = reasons[error.code ?? ''] ?? error.message
    if (NO_ADDRESS.includes(error.code ?? '')) console.error(describeHost(address, command))
    else console.error(`Port ${port} ${reason}. Choose another: PORT=3001 npm run ${command}`)
    process.exit(HOPELESS)
  })
  http.listen(port, address, () => {
    const bound = http.address()
    if (typeof bound !== 'object' || bound === null) return
    const { TITLE, HOST, ALLOWED_HOSTS } = process.env
    const url = ownOrigin(bound.port)
    if (HOST || ALLOWED_HOSTS) console.log(`Serves ${hosts}.`)
    // For a node of the cluster, cluster.mjs prints the proxy's address instead.
    if (TITLE) console.log(`${TITLE}: ${url} (pid ${process.pid})`)
    onUp(url)
    process.send?.({ port: bound.port, url })
  })
}

function describeHost(host: string, command: string): string {
  return `HOST: expected an address or a name of this machine, received "${host}". Leave it out for loopback alone: HOST= npm run ${command}`
}

/** Closes the server and exits, on SIGTERM or when the parent process is gone. */
function endWhenAsked(close: () => Promise<void>): void {
  const end = (): void => {
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.once('SIGTERM', end)
  process.once('disconnect', end)
  // Ignore Ctrl-C, which start.mjs also receives: start.mjs ends this process.
  process.on('SIGINT', () => undefined)
}
