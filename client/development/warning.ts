// Console warnings of the development build about failing POSTs and refused sockets.

import { isOwnCode } from '../../shared/codes.js'
import type { PageAnswer, Refusal } from '../../shared/protocol.js'
import { DEFAULT_ENDPOINT, EXCHANGE } from '../../shared/protocol.js'
import { type CreatePoster, createPoster } from '../browser/post.js'
import type { PostResponse } from '../core/events.js'
import { type Internals, internalsOf } from '../internals.js'
import type { AnyClient, PageSocket } from '../types.js'

/** The error of a `connect_error`: from the server's middleware, or of a polling request. */
interface RefusedSocket {
  readonly message: string
  readonly data?: { readonly code?: string }
  /** The XMLHttpRequest that failed. */
  readonly context?: { readonly status?: number }
}

/** Consecutive `other_visitor` refusals of a socket before a warning: a sign-in or sign-out causes up to two. */
const MIN_REFUSALS = 3
const NOT_STICKY = 'polling requests reach several processes'
/** The server's message if an error of the app has ended the handshake. */
const FAILED = 'handshake failed'
const AGAIN = 'the-socket-comes-back-again-and-again'
const UNATTACHED =
  'the server does not answer over the socket: changes are saved by POST, and those made elsewhere do not arrive. Call live.attach(io) on the server'
const WITHOUT_COOKIE =
  'the handshake of the socket brought no live cookie, but POSTs do: changes are saved by POST, and those made elsewhere do not arrive.'
const OVER_HTTP =
  'the browser keeps no live cookie over http, so changes are lost with the page. If it has visited this host over https, it keeps ' +
  'the Secure cookie of that visit instead: delete that cookie, and use one scheme per host.'
/** Consecutive responses with the same 5xx status before a warning. */
const REPEATED = 3
const NO_RESPONSE: PostResponse = { status: 0 }
/** ms to wait for a socket's answer. */
const PATIENCE = 5000

const ABOUT_LARGE_HEADERS = explainedAt('502-behind-nginx')

/** The options by which a page reaches its server. */
export interface Ways {
  readonly socket?: PageSocket | undefined
  readonly endpoint?: string
  readonly credentials?: RequestCredentials
}

/**
 * Warns in the console if the endpoint is on another origin and would get no cookie. Returns a function that warns, once for each status,
 * if a POST got no answer from the endpoint itself. Busy and restarting servers recover by themselves, so only repeated 5xx failures count.
 */
export function createWarning(ways: Ways): (response?: PostResponse, isOurs?: boolean) => void {
  const { endpoint = DEFAULT_ENDPOINT, credentials = 'same-origin', socket } = ways
  // Outside browsers there is no origin.
  const { origin }: Partial<typeof globalThis> = globalThis
  const server = origin && originOf(endpoint)
  const isElsewhere = server !== origin
  const isLed = warnOfBase(endpoint)
  const lacking = isElsewhere && !isLed ? lackingOf(credentials, socket) : []
  if (lacking.length > 0)
    console.warn(`koa-live-session: ${endpoint} is of another origin, and gets no cookie. Pass ${lacking.join(', ')}.`)

  const remedyOf = ({ status, redirected, url = '' }: PostResponse, times: number): string | undefined => {
    if (status === 0) return isElsewhere && origin ? unlisted(origin) : undefined
    if (redirected)
      return `The server has redirected it to ${url.split('?')[0]}, and a redirected POST arrives as a GET. Have the server, or its proxy, answer '${endpoint}' itself: 401 to a visitor who must sign in.`
    if (status === 401 || status === 403) return 'If the app requires a token in POSTs, pass the token in headers.'
    if (status === 431) return `The cookies of this site are too large for the server: ${ABOUT_LARGE_HEADERS}`
    if (status === 429 || (status >= 500 && times < REPEATED)) return undefined
    if (status === 502) return `If the server is up, its headers do not fit the proxy's buffer: ${ABOUT_LARGE_HEADERS}`
    if (status >= 500) return 'The log of the server, or of its proxy, says why.'
    const home = origin && socket && originOf(serverOf(socket))
    if (home && home !== server) return `Pass endpoint: '${home}${DEFAULT_ENDPOINT}'.`
    const login = status < 300 ? 'It may be a login page: sign in again. ' : ''
    return `${login}Under a sub-path, pass endpoint: '/tools/store_session'. Otherwise check that the server calls app.use(live.middleware()).`
  }
  const warned = new Set<number>()
  const warn = (status: number, remedy: string | undefined): void => {
    if (!remedy || warned.has(status)) return
    warned.add(status)
    const answered = status || 'nothing that this page may read'
    console.warn(`koa-live-session: POST ${endpoint} answered ${answered}; changes are shown but not saved. ${remedy}`)
  }
  /** Warns of a redirect to another origin, which looks like an unreachable server unless `fetch` stops at the redirect. */
  const warnOfRedirect = async (): Promise<void> => {
    try {
      const { type } = await fetch(endpoint, { redirect: 'manual', credentials })
      const remedy = `A login proxy has redirected it: sign in again, and have the proxy answer 401 to '${endpoint}'.`
      if (type === 'opaqueredirect') warn(0, remedy)
    } catch {
      // The server is unreachable.
    }
  }
  let last = -1
  let times = 0
  return (response = NO_RESPONSE, isOurs = false) => {
    const { status } = response
    times = status === last && !isOurs ? times + 1 : 1
    last = status
    if (isOurs) return
    warn(status, remedyOf(response, times))
    if (status === 0 && server && !isElsewhere && times > 1 && !warned.has(0)) void warnOfRedirect()
  }
}

/** Returns a `createPoster` whose POSTs are watched for failures. */
export function watchedPoster(ways: Ways): CreatePoster {
  const warn = createWarning(ways)
  return (options, onPosted) =>
    createPoster(options, (posted) => {
      const { response, answer, error } = posted
      warn(response, !!answer || !!error)
      onPosted(posted)
    })
}

/** Warns in the console if the page's `<base>` leads the path of the endpoint to another host. Returns whether it does. */
export function warnOfBase(endpoint: string = DEFAULT_ENDPOINT): boolean {
  const { document, origin }: Partial<typeof globalThis> = globalThis
  const isLed =
    document !== undefined && /^\/(?!\/)/.test(endpoint) && originOf(endpoint) !== origin && origin !== 'null'
  if (isLed)
    console.warn(
      `koa-live-session: the page's <base> leads POSTs of ${endpoint} to ${originOf(endpoint)}, but the socket stays at ${origin}. ` +
        `Pass endpoint: '${origin}${endpoint}'.`,
    )
  return isLed
}

/** The remedy covers two causes: to the page, a server that is down looks like a server that does not list the page's origin. */
function unlisted(origin: string): string {
  return origin === 'null'
    ? 'The origin of this page is null, as of a sandboxed frame or a file, and no server can list it. Serve the page from an origin of its own.'
    : `If the server is up, list '${origin}' in its origins.`
}

/** Warns in the console of refused sockets, once for each reason. Returns a function that ends this. */
export function warnOfRefusals(socket: PageSocket): () => void {
  const warned = new Set<string>()
  let refusals = 0
  const connected = (): void => {
    refusals = 0
  }
  const refused = ({ message, data, context }: RefusedSocket): void => {
    const isNotSticky = context?.status === 400
    // Skip other network errors, after which socket.io retries.
    if (socket.active && !isNotSticky && !data?.code) return
    const reason = data?.code ?? (isNotSticky ? NOT_STICKY : message)
    if (warned.has(reason)) return
    if (reason === 'other_visitor') {
      refusals += 1
      if (refusals < MIN_REFUSALS) return
    }
    warned.add(reason)
    const isOurs = isNotSticky || reason === FAILED || isOwnCode(data?.code)
    const cause = isOurs ? causeOf(reason) : 'An io.use() of the app has refused it.'
    console.warn(
      `koa-live-session: the socket was refused: ${reason}. Until the server accepts it, changes made elsewhere do not arrive. ` +
        `The page tries again. ${cause}`,
    )
  }
  socket.on('connect_error', refused)
  socket.on('connect', connected)
  return () => void socket.off('connect_error', refused).off('connect', connected)
}

/** Returns the cause of a refusal by the library, or the path of its explanation. */
function causeOf(reason: string): string {
  if (reason === FAILED)
    return `An error of the app in handshake middleware or identify, as the server's log says: ${explainedAt(AGAIN)}`
  return explainedAt(reason === NOT_STICKY ? AGAIN : reason)
}

/**
 * Warns in the console why changes from elsewhere do not arrive: refused sockets, a missing `live.attach(io)`, or handshakes without the
 * cookie.
 */
export function watchSocket({ socket, page, onClose }: Pick<Internals, 'socket' | 'page' | 'onClose'>): void {
  if (!socket) return
  const end = warnOfRefusals(socket)
  const probe = (): void => {
    socket.timeout(PATIENCE).emit(EXCHANGE, {}, (lost: Error | null, answer?: PageAnswer | Refusal) => {
      const isBare = !!answer && !('ok' in answer) && !answer.hasCookie
      // A page reconnects when it gets its first cookie. So an answer proves nothing if it was lost with its connection, or came without
      // the cookie before a POST has had the cookie. The next connection asks again.
      if (lost ? !socket.connected : isBare && !page.postHasCookie) return
      socket.off('connect', probe)
      if (lost) console.warn(`koa-live-session: ${UNATTACHED}`)
      else if (isBare) console.warn(`koa-live-session: ${WITHOUT_COOKIE} ${remedyFor(socket)}`)
    })
  }
  socket.on('connect', probe)
  if (socket.connected) probe()
  onClose(end)
  onClose(() => void socket.off('connect', probe))
}

/** Warns in the console of a likely cause if a page over http keeps no cookie. Skips pages without consent: they know no visitor. */
export function watchCookie(live: AnyClient): void {
  const { page } = internalsOf(live)
  // Browsers treat http://localhost like https. Outside browsers, `isSecureContext` is undefined.
  if (globalThis.isSecureContext ?? true) return
  const end = live.onStatus((_, { reason }) => {
    if (reason !== 'cookies_blocked' || page.who === undefined) return
    end()
    console.warn(`koa-live-session: ${OVER_HTTP} ${explainedAt('no-set-cookie')}`)
  })
}

/** A socket of socket.io-client has `io`, ours has `url`. */
interface SocketParts {
  readonly url?: string
  readonly io?: {
    readonly uri?: string
    readonly opts?: { readonly transports?: readonly unknown[]; readonly withCredentials?: boolean }
  }
}

/** Returns the URL of the socket's server. */
function serverOf({ url, io }: PageSocket & SocketParts): string {
  return String(url ?? io?.uri).replace(/^ws/, 'http')
}

/** Returns how the handshakes of this socket get the cookie. */
function remedyFor(socket: PageSocket & SocketParts): string {
  const isElsewhere = originOf(serverOf(socket)) !== globalThis.origin
  const option = socket.io ? 'pass withCredentials: true to io(), and ' : ''
  const remedy = isElsewhere
    ? `The socket is of another origin: ${option}set the option domain on the server.`
    : 'Let the proxy forward the Cookie header of handshakes.'
  return `${remedy} ${explainedAt('the-socket-lacks-the-cookie')}`
}

/** Returns the missing options: by default, browsers send cookies to another origin with a WebSocket, but not with `fetch` or polling. */
function lackingOf(credentials: RequestCredentials, socket: (PageSocket & SocketParts) | undefined): readonly string[] {
  const { transports = ['polling'], withCredentials = false } = socket?.io?.opts ?? { transports: [] }
  const isBare = !withCredentials && transports.includes('polling')
  return [
    ...(credentials === 'include' ? [] : ["credentials: 'include'"]),
    ...(isBare ? ['withCredentials: true to io()'] : []),
  ]
}

function originOf(href: string): string {
  const { origin, protocol, host } = new URL(href, globalThis.document?.baseURI ?? location.href)
  // For the page of a native app, such as `capacitor://localhost`, `origin` is the text `null`.
  return origin === 'null' ? `${protocol}//${host}` : origin
}

/** Returns the path of an explanation in the installed package. */
export function explainedAt(anchor: string): string {
  return `node_modules/koa-live-session/docs/troubleshooting.md#${anchor}`
}
