import { DEFAULT_ENDPOINT } from '../../shared/protocol.js'
import type { AnySocket } from '../types.js'

/** How a page reaches its server. */
export interface Ways {
  readonly socket?: AnySocket | undefined
  readonly endpoint?: string
  readonly credentials?: RequestCredentials
}

/**
 * Says in the console what to do: at once if a page of another origin would send no cookie, and once for each status if something other
 * than the endpoint answered.
 */
export function createWarning(ways: Ways): (status: number) => void {
  const { endpoint = DEFAULT_ENDPOINT, credentials = 'same-origin', socket } = ways
  // Undefined outside a browser.
  const { origin }: Partial<typeof globalThis> = globalThis
  const server = origin && originOf(endpoint)
  const isElsewhere = server !== origin
  const lacking = isElsewhere ? lackingOf(credentials, socket) : []
  if (lacking.length > 0)
    console.warn(`koa-live-session: ${endpoint} is of another origin, and gets no cookie. Pass ${lacking.join(', ')}.`)

  /** A busy server recovers by itself; so does an unreachable one, which looks the same as one that does not list the page's origin. */
  const remedyOf = (status: number): string | undefined => {
    if (status === 0) return isElsewhere ? `If the server is up, list '${origin}' in its origins.` : undefined
    if (status === 401 || status === 403) return 'Where the app guards its POSTs with a token pass headers.'
    if (status >= 429) return undefined
    const home = origin && socket && originOf(String(Reflect.get(socket.io, 'uri')).replace(/^ws/, 'http'))
    return home && home !== server
      ? `Pass endpoint: '${home}${DEFAULT_ENDPOINT}'.`
      : "Behind a sub-path pass endpoint: '/tools/store_session'. Is app.use(live.middleware()) there?"
  }
  const told = new Set<number>()
  return (status) => {
    const remedy = remedyOf(status)
    if (!remedy || told.has(status)) return
    told.add(status)
    const answered = status || 'nothing that this page may read'
    console.warn(`koa-live-session: POST ${endpoint} answered ${answered}; changes are shown but not saved. ${remedy}`)
  }
}

/** Browsers send cookies with a websocket by default, but not with the polling before it. */
function lackingOf(credentials: RequestCredentials, socket: AnySocket | undefined): readonly string[] {
  const { transports = ['polling'], withCredentials = false } = socket?.io.opts ?? {}
  const isBare = socket && !withCredentials && [...transports].some((one) => one === 'polling')
  return [
    ...(credentials === 'include' ? [] : ["credentials: 'include'"]),
    ...(isBare ? ['withCredentials: true to io()'] : []),
  ]
}

function originOf(href: string): string {
  return new URL(href, globalThis.document?.baseURI ?? location.href).origin
}
