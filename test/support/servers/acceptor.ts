import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** A server that accepts connections and can end all of them; used by proxies. */
export class Acceptor {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(accept: (near: Socket) => void) {
    this.#server = createServer((near) => {
      this.#sockets.add(near)
      near.on('close', () => this.#sockets.delete(near))
      accept(near)
    })
  }

  /** @param place a path; if left out, a free port on loopback */
  async listen(place?: string): Promise<void> {
    if (place === undefined) this.#server.listen(0, '127.0.0.1')
    else this.#server.listen(place)
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** Ends each of two connections when the other ends. */
export function tie(near: Socket, far: Socket): void {
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on('error', () => undefined)
    one.on('close', () => other.destroy())
  }
}

/** Joins two connections in both directions. */
export function join(near: Socket, far: Socket): void {
  tie(near, far)
  near.pipe(far).pipe(near)
}
