import type { Namespace, Server, ServerOptions } from 'socket.io'
import { LiveSessionError } from '../../../shared/errors.js'
import { SigningKeys } from '../cookie/keys.js'
import { tellRefusal } from '../refused.js'
import { addMembers } from '../values/members.js'
import { refusalOf } from '../values/refusal.js'
import { type Handshake, HandshakeFailure } from './handshake.js'
import type { LiveSocket } from './live-socket.js'
import { watchPolling } from './polling-cors.js'
import { Recovery } from './recovery.js'
import { SocketHandle, type SocketNeeds } from './socket.js'

/** Gives every socket of every namespace its `liveSession`, before any of the app's own handlers runs. */
export function attachTo(io: Server, core: SocketNeeds, handshake: Handshake): void {
  watchPolling(io, core)
  const recovery = recoveryOf(io) && new Recovery(handshake, new SigningKeys(core.settings.secrets, 'room'))
  const Handle = addMembers(
    class extends SocketHandle {},
    core.parts.map(({ socket }) => socket),
  )
  const handles = new WeakMap<LiveSocket, SocketHandle>()
  const enter = async (socket: LiveSocket): Promise<void> => {
    // A child of a dynamic namespace has its parent's handlers too.
    if (handles.has(socket)) return
    const connection = await handshake.enter(socket)
    const handle = new Handle(core, socket, connection, recovery?.outlet(socket))
    recovery?.mark(socket, connection)
    handles.set(socket, handle)
    Object.assign(socket, { liveSession: handle })
    for (const make of connection.opener.members) Object.assign(socket, make(socket))
  }
  const installed = new WeakSet<Namespace>()
  const install = (namespace: Namespace): void => {
    if (installed.has(namespace)) return
    installed.add(namespace)
    recovery?.guard(namespace)
    namespace.use((socket, next) => {
      enter(socket).then(
        () => next(),
        (error: unknown) => next(refusal(error, core)),
      )
    })
    namespace.on('connect', (socket) => handles.get(socket)?.open())
  }
  for (const namespace of io._nsps.values()) install(namespace)
  // Namespaces come from here, dynamic ones too: this runs before the app can add its own handlers.
  const of = io.of.bind(io)
  io.of = (name, onConnect) => {
    const namespace = of(name)
    install(namespace)
    return onConnect ? namespace.on('connect', onConnect) : namespace
  }
}

function recoveryOf(io: Server): ServerOptions['connectionStateRecovery'] | undefined {
  const { connectionStateRecovery }: Partial<ServerOptions> = Reflect.get(io, 'opts') ?? {}
  return connectionStateRecovery
}

/** @throws {TypeError} if it is not a socket.io server, or if sockets could connect, or have connected, without being identified */
export function checkServer(io: Server): void {
  if (typeof io?._nsps?.values !== 'function') {
    throw new TypeError(
      `koa-live-session: attach(io): expected a Server of socket.io, received ${typeof io}. Pass new Server(app.listen(3000))`,
    )
  }
  const recovery = recoveryOf(io)
  if (recovery && recovery.skipMiddlewares !== false) {
    throw new TypeError(
      'koa-live-session: attach(io): connectionStateRecovery lets a socket back in without asking who it is, ' +
        'after a logout too. Set connectionStateRecovery: { skipMiddlewares: false }',
    )
  }
  const connected = [...io._nsps.values()].reduce((sum, { sockets }) => sum + sockets.size, 0)
  if (connected > 0) {
    throw new TypeError(
      `koa-live-session: attach(io): ${connected} sockets are already connected; attach before io.on('connection')`,
    )
  }
}

/** Returns what a browser learns about a refused handshake: the code alone. */
function refusal(error: unknown, core: SocketNeeds): Error {
  if (error instanceof LiveSessionError) {
    tellRefusal(core.app, 'handshake', error)
    return Object.assign(new Error(error.code), { data: refusalOf(error).data })
  }
  if (!(error instanceof HandshakeFailure)) core.report(error)
  return new Error('handshake failed')
}
