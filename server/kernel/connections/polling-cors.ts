import type { Server, ServerOptions } from 'socket.io'
import type { Settings } from '../../options.js'
import type { Warn } from '../report.js'

interface Needs {
  readonly settings: Settings
  readonly warn: Warn
}

type Cors = NonNullable<ServerOptions['cors']>

/**
 * Warns of a page of a listed origin whose socket will not connect: socket.io accepts its polling, but does not allow the page to read the
 * responses.
 */
export function watchPolling({ engine }: Partial<Pick<Server, 'engine'>>, { settings, warn }: Needs): void {
  engine?.on('initial_headers', (_: unknown, { headers }: { readonly headers: NodeJS.Dict<string | string[]> }) => {
    const { origin, upgrade, 'sec-fetch-site': site } = headers
    // Browsers let every page read a websocket, and the server's own pages read any response.
    if (typeof origin !== 'string' || upgrade !== undefined || site === 'same-origin') return
    if (!settings.origins.includes(origin) || mayRead(origin, engine.opts.cors)) return
    warn(
      `origins: pages of ${origin} may not read what socket.io answers. Tell socket.io, too: ` +
        `new Server(http, { cors: { origin: ${JSON.stringify(settings.origins)}, credentials: true } }).`,
    )
  })
}

/** Reads the options as the cors package does, for requests with cookies. What a function allows is not known until it is called. */
function mayRead(origin: string, cors: Cors | false = {}): boolean {
  if (typeof cors === 'function') return true
  const { origin: allowed, credentials } = cors || {}
  if (typeof allowed === 'function') return true
  const isAllowed = [allowed]
    .flat()
    .some((one) => one === true || one === origin || (one instanceof RegExp && one.test(origin)))
  return isAllowed && credentials === true
}
