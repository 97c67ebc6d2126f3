import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from './partition-proxy.js'

/** What stands before the nodes: each connection goes to the next of those that run, none to where its visitor was before. */
export class Gateway {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #turn = 0

  private constructor(ports: () => readonly number[]) {
    this.#server = createServer((near) => {
      const running = ports()
      const port = running[this.#turn % Math.max(1, running.length)]
      this.#turn += 1
      if (port === undefined) {
        near.destroy()
        return
      }
      this.#sockets.add(near)
      near.on('close', () => this.#sockets.delete(near))
      join(near, connect(port, '127.0.0.1'))
    })
  }

  static async start(ports: () => readonly number[]): Promise<Gateway> {
    const gateway = new Gateway(ports)
    gateway.#server.listen(0, '127.0.0.1')
    await once(gateway.#server, 'listening')
    return gateway
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
