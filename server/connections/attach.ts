// Attaches the plugin to a socket.io server: checks the server and the options, and adds `liveSession` to each socket.

import type Koa from 'koa'
import { type Namespace, type Server, type ServerOptions, Socket } from 'socket.io'
import { isMs, MS } from '../../shared/checks.js'
import { LiveSessionError } from '../../shared/errors.js'
import { refusalOf } from '../exchange/refusal.js'
import { check, checkNames } from '../settings/option-checks.js'
import type { Settings } from '../settings/settings.js'
import type { AttachOptions } from '../types/live.js'
import { type Admissions, HandshakeFailure } from './admissions.js'
import { linkOf } from './link.js'
import type { Intervals } from './rechecks.js'
import type { CreateSocketHandle, SocketHandle } from './socket.js'

/** The default of `recheck`, in ms. */
const FIVE_MINUTES = 5 * 60 * 1000
/** The default of `maxAge`, in ms. */
const DAY = 24 * 60 * 60 * 1000

const CALL = 'attach(io)'
const RECOVERY =
  'connectionStateRecovery gives a socket its former rooms, data and missed events before its visitor is known, even after a sign-out. ' +
  "Leave it out: at each reconnect every value arrives by itself, and io.on('connection') can send the rest"
const ANONYMOUS =
  'identify is set but handshake is not, so every socket would be anonymous. ' +
  'Pass the middleware identify relies on: attach(io, { handshake: [session, passport.session()] })'
const NO_EFFECT = 'it has no effect with recheck: Infinity, because rechecks look at the age. Set recheck in ms'

/** The servers to which a plugin is attached. */
const attached = new WeakSet<Server>()

/** Adds `liveSession` to every socket of every namespace, before the app's own handlers run. */
export function attachTo(io: Server, settings: Settings, admissions: Admissions, create: CreateSocketHandle): void {
  attached.add(io)
  watchPolling(io, settings)
  const handles = new WeakMap<Socket, SocketHandle>()
  const enter = async (socket: Socket): Promise<void> => {
    // In a child of a dynamic namespace, the parent's handlers also run, so `enter` may run twice for a socket.
    if (handles.has(socket)) return
    const connection = await admissions.enter(socket, linkOf(socket))
    const handle = create(socket, connection)
    handles.set(socket, handle)
    Object.assign(socket, { liveSession: handle })
    for (const addMember of connection.members) addMember(socket)
  }
  const installed = new WeakSet<Namespace>()
  const install = (namespace: Namespace): void => {
    if (installed.has(namespace)) return
    installed.add(namespace)
    namespace.use((socket, next) => {
      enter(socket).then(
        () => next(),
        (error: unknown) => next(handshakeError(error, settings)),
      )
    })
    namespace.on('connect', (socket) => handles.get(socket)?.open())
  }
  for (const namespace of io._nsps.values()) install(namespace)
  // All namespaces, even dynamic namespaces, come from `of`, so `install` runs before the app can add its own handlers.
  const of = io.of.bind(io)
  io.of = (name, onConnect) => {
    const namespace = of(name)
    install(namespace)
    return onConnect ? namespace.on('connect', onConnect) : namespace
  }
}

/**
 * @throws {TypeError} if `io` is no socket.io server, if another plugin is attached, if `connectionStateRecovery` is on, or if sockets have
 * connected already
 */
export function checkServer(io: Server): void {
  const isServer = typeof io?._nsps?.values === 'function'
  check(isServer, CALL, 'expected a Server of socket.io', `${typeof io}. Pass new Server(app.listen(3000))`)
  check(!attached.has(io), CALL, 'another live session is attached to this server. Give each app a server of its own')
  const { connectionStateRecovery }: Partial<ServerOptions> = Reflect.get(io, 'opts') ?? {}
  check(!connectionStateRecovery, CALL, RECOVERY)
  const connected = [...io._nsps.values()].reduce((sum, { sockets }) => sum + sockets.size, 0)
  check(connected === 0, CALL, `${connected} sockets are already connected; attach before io.on('connection')`)
}

/** Returns the error that a browser gets for a refused handshake. The error reveals only the code. */
function handshakeError(error: unknown, { emitRefusal, report }: Settings): Error {
  if (error instanceof LiveSessionError) {
    emitRefusal('handshake', error)
    return Object.assign(new Error(error.code), { data: refusalOf(error).data })
  }
  if (!(error instanceof HandshakeFailure)) report(error)
  return new Error('handshake failed')
}

type Cors = NonNullable<ServerOptions['cors']>

/** Warns of an origin in `origins` whose pages cannot connect: socket.io's `cors` option does not let them read its polling responses. */
function watchPolling({ engine }: Partial<Pick<Server, 'engine'>>, settings: Settings): void {
  engine?.on('initial_headers', (_: unknown, { headers }: { readonly headers: NodeJS.Dict<string | string[]> }) => {
    const { origin, upgrade, 'sec-fetch-site': site } = headers
    // Browsers let any page read a websocket, and let the server's own pages read any response.
    if (typeof origin !== 'string' || upgrade !== undefined || site === 'same-origin') return
    if (!settings.origins.includes(origin) || mayRead(origin, engine.opts.cors)) return
    settings.warn(
      `origins: pages of ${origin} may not read what socket.io answers. Tell socket.io, too: ` +
        `new Server(http, { cors: { origin: ${JSON.stringify(settings.origins)}, credentials: true } }).`,
    )
  })
}

/**
 * Returns whether socket.io's `cors` options let pages of an origin read responses to requests with cookies, by the rules of the cors
 * package. Assumes that a function allows the origin.
 */
function mayRead(origin: string, cors: Cors | false = {}): boolean {
  if (typeof cors === 'function') return true
  const { origin: allowed, credentials } = cors || {}
  if (typeof allowed === 'function') return true
  const isAllowed = [allowed]
    .flat()
    .some((one) => one === true || one === origin || (one instanceof RegExp && one.test(origin)))
  return isAllowed && credentials === true
}

type AttachSettings = Intervals & { readonly handshake: readonly Koa.Middleware[] }

/** @throws {TypeError} with the option, the expected and the received value, and advice */
export function resolveAttachOptions(options: AttachOptions | undefined, hasIdentify: boolean): AttachSettings {
  checkNames(options, ['handshake', 'recheck', 'maxAge'], 'attach(io): ')
  check(!hasIdentify || Boolean(options?.handshake), CALL, ANONYMOUS)
  const handshake = [options?.handshake ?? []].flat()
  for (const [index, middleware] of handshake.entries()) {
    const received = `${typeof middleware} as number ${index + 1}. Pass the same functions as to app.use`
    check(typeof middleware === 'function', `${CALL}: handshake`, 'expected Koa middleware', received)
  }
  const { recheck = FIVE_MINUTES, maxAge = DAY } = options ?? {}
  for (const [name, value] of Object.entries({ recheck, maxAge })) {
    const isGood = isMs(value) || value === Number.POSITIVE_INFINITY
    check(isGood, `${CALL}: ${name}`, `expected ${MS}, or Infinity for never`, value)
  }
  check(options?.maxAge === undefined || recheck !== Number.POSITIVE_INFINITY, `${CALL}: maxAge`, NO_EFFECT)
  return { handshake, recheck, maxAge }
}

/** Makes `socket.liveSession` throw until `attach` has admitted the socket. */
export function installSocketGetter(): void {
  if ('liveSession' in Socket.prototype) return
  Object.defineProperty(Socket.prototype, 'liveSession', {
    get() {
      throw new TypeError(
        'koa-live-session: socket.liveSession was read before live.attach(io) let the socket in: ' +
          'call live.attach(io) once, before your own io.use and io.on',
      )
    },
    set(this: Socket, value: unknown) {
      Object.defineProperty(this, 'liveSession', { value, writable: true, enumerable: true, configurable: true })
    },
  })
}
