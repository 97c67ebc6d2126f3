import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Folder } from './folder.js'

/** A unix socket between a client and a server, which cuts connections when told to. */
export class CuttingProxy {
  readonly #folder = new Folder()
  readonly #target: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #loses: RegExp | undefined

  private constructor(target: string) {
    this.#target = target
    this.#server = createServer((near) => this.#join(near))
  }

  static async start(target: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target)
    proxy.#server.listen(proxy.path)
    await once(proxy.#server, 'listening')
    return proxy
  }

  get path(): string {
    return this.#folder.in('proxy.sock')
  }

  /** The server hears the next command that matches; its answer is lost, and the connection with it. */
  loseAnswerTo(command: RegExp): void {
    this.#loses = command
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
    this.#folder.remove()
  }

  #join(near: Socket): void {
    const far = connect(this.#target)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
    }
    near.on('data', (data) => {
      if (this.#loses?.test(String(data))) {
        this.#loses = undefined
        far.removeAllListeners('data')
        far.once('data', () => far.destroy())
      }
      far.write(data)
    })
    far.on('data', (data) => near.write(data))
  }
}
