import { connect } from 'node:net'
import { Acceptor, join } from '../support/servers/acceptor.js'

/** What stands before the nodes: each connection goes to the next of those that run, none to where its visitor was before. */
export class Gateway {
  readonly #acceptor: Acceptor
  #turn = 0

  private constructor(ports: () => readonly number[]) {
    this.#acceptor = new Acceptor((near) => {
      const running = ports()
      const port = running[this.#turn % Math.max(1, running.length)]
      this.#turn += 1
      if (port === undefined) near.destroy()
      else join(near, connect(port, '127.0.0.1'))
    })
  }

  static async start(ports: () => readonly number[]): Promise<Gateway> {
    const gateway = new Gateway(ports)
    await gateway.#acceptor.listen()
    return gateway
  }

  get url(): string {
    return `http://127.0.0.1:${this.#acceptor.port}`
  }

  stop(): Promise<void> {
    return this.#acceptor.stop()
  }
}
