import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Folder } from '../support/servers/folder.js'

/** Joins two connections: what ends one ends the other. */
export function join(near: Socket, far: Socket): void {
  near.pipe(far).pipe(near)
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on('error', () => undefined)
    one.on('close', () => other.destroy())
  }
}

/** A unix socket before another one, which can be cut: nothing passes until it is healed. */
export class PartitionProxy {
  readonly #folder = new Folder()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isCut = false

  private constructor(target: string) {
    this.#server = createServer((near) => {
      if (this.#isCut) {
        near.destroy()
        return
      }
      this.#sockets.add(near)
      near.on('close', () => this.#sockets.delete(near))
      join(near, connect(target))
    })
  }

  static async start(target: string): Promise<PartitionProxy> {
    const proxy = new PartitionProxy(target)
    proxy.#server.listen(proxy.path)
    await once(proxy.#server, 'listening')
    return proxy
  }

  get path(): string {
    return this.#folder.in('proxy.sock')
  }

  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  heal(): void {
    this.#isCut = false
  }

  async stop(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
    this.#folder.remove()
  }
}
