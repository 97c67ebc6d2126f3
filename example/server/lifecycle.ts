import type { Server as HttpServer } from 'node:http'
import type { Server } from 'socket.io'

/** The exit code that tells start.mjs not to try again. */
const HOPELESS = 2

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken',
  EACCES: 'needs rights that this account does not have',
}

/**
 * Listens on PORT, prints the address, and tells start.mjs the port over its IPC channel; ends when it is asked to.
 *
 * @param onUp called with the address
 */
export function serve(
  http: HttpServer,
  io: Server,
  live: { close(): Promise<void> },
  onUp: (url: string) => void = () => undefined,
): void {
  listen(http, onUp)
  endWhenAsked(async () => {
    await live.close()
    const closed = io.close()
    http.closeAllConnections()
    await closed
  })
}

function listen(http: HttpServer, onUp: (url: string) => void): void {
  const port = Number(process.env['PORT'] ?? 3000)
  http.once('error', (error: NodeJS.ErrnoException) => {
    const command = process.env['npm_lifecycle_event'] ?? 'start'
    const reason = reasons[error.code ?? ''] ?? error.message
    console.error(`Port ${port} ${reason}. Choose another: PORT=3001 npm run ${command}`)
    process.exit(HOPELESS)
  })
  http.listen(port, () => {
    const address = http.address()
    if (typeof address !== 'object') return
    const url = `http://localhost:${address?.port}`
    const { TITLE } = process.env
    // One of several nodes has no address of its own that anyone should open.
    if (TITLE) console.log(`${TITLE}: ${url} (pid ${process.pid})`)
    onUp(url)
    process.send?.({ port: address?.port })
  })
}

/** Ends the process when it is asked to, and when the process that started it is gone. */
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
  // Ctrl-C reaches this process too, but start.mjs decides when it ends.
  process.on('SIGINT', () => undefined)
}
