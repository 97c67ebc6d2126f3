import { Socket } from 'socket.io'

const NAME = 'liveSession'

/** Makes `socket.liveSession` throw an error on sockets that `attach` has not admitted. */
export function installSocketGetter(): void {
  if (NAME in Socket.prototype) return
  Object.defineProperty(Socket.prototype, NAME, {
    get() {
      throw new TypeError(
        'koa-live-session: socket.liveSession was read before live.attach(io) let the socket in: ' +
          'call live.attach(io) once, before your own io.use and io.on',
      )
    },
    set(this: Socket, value: unknown) {
      Object.defineProperty(this, NAME, { value, writable: true, enumerable: true, configurable: true })
    },
  })
}
