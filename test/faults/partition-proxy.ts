import { connect } from 'node:net'
import { Acceptor, join } from '../support/servers/acceptor.js'
import { Folder } from '../support/servers/folder.js'

/** A proxy for a Unix socket, through which nothing passes between `cut` and `heal`. */
export class PartitionProxy {
  readonly #folder = new Folder()
  readonly #acceptor: Acceptor
  #isCut = false

  private constructor(target: string) {
    this.#acceptor = new Acceptor((near) => {
      if (this.#isCut) near.destroy()
      else join(near, connect(target))
    })
  }

  static async start(target: string): Promise<PartitionProxy> {
    const proxy = new PartitionProxy(target)
    await proxy.#acceptor.listen(proxy.path)
    return proxy
  }

  get path(): string {
    return this.#folder.in('proxy.sock')
  }

  cut(): void {
    this.#isCut = true
    this.#acceptor.cut()
  }

  heal(): void {
    this.#isCut = false
  }

  async stop(): Promise<void> {
    this.cut()
    await this.#acceptor.stop()
    this.#folder.remove()
  }
}
