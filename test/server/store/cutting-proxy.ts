import { connect, type Socket } from 'node:net'
import { Acceptor, tie } from '../../support/servers/acceptor.js'
import { Folder } from '../../support/servers/folder.js'

/** A Unix socket between a client and a server, to cut connections on demand. */
export class CuttingProxy {
  readonly #folder = new Folder()
  readonly #target: string
  readonly #acceptor = new Acceptor((near) => this.#join(near))
  #loses: RegExp | undefined

  private constructor(target: string) {
    this.#target = target
  }

  static async start(target: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target)
    await proxy.#acceptor.listen(proxy.path)
    return proxy
  }

  get path(): string {
    return this.#folder.in('proxy.sock')
  }

  /** Lets the server get the next command that matches, but cuts the connection before its answer. */
  loseAnswerTo(command: RegExp): void {
    this.#loses = command
  }

  async stop(): Promise<void> {
    await this.#acceptor.stop()
    this.#folder.remove()
  }

  #join(near: Socket): void {
    const far = connect(this.#target)
    tie(near, far)
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
