import { connect, type Socket } from 'node:net'
import { Acceptor, tie } from '../support/servers/acceptor.js'

/** What stands before the nodes: each connection goes to the next of those that run, none to where its visitor was before. */
export class Gateway {
  readonly #acceptor: Acceptor
  /** Where nodes are connected, those of them included that are not heard any more. */
  readonly #far = new Set<Socket>()
  readonly #muted = new WeakSet<Socket>()
  #isSuch = (): boolean => false
  #turn = 0

  private constructor(ports: () => readonly number[]) {
    this.#acceptor = new Acceptor((near) => {
      const running = ports()
      const port = running[this.#turn % Math.max(1, running.length)]
      this.#turn += 1
      if (port === undefined) near.destroy()
      else this.#join(near, connect(port, '127.0.0.1'))
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

  /** From now on nothing that a node says comes through some connections, of those to come too, and all that it is told does. */
  mute(isSuch: () => boolean): void {
    this.#isSuch = isSuch
    for (const far of this.#far) this.#choose(far)
  }

  stop(): Promise<void> {
    return this.#acceptor.stop()
  }

  #join(near: Socket, far: Socket): void {
    this.#far.add(far)
    this.#choose(far)
    far.once('close', () => this.#far.delete(far))
    tie(near, far)
    near.pipe(far)
    far.on('data', (data) => this.#muted.has(far) || near.write(data))
    far.once('end', () => near.end())
  }

  #choose(far: Socket): void {
    if (this.#isSuch()) this.#muted.add(far)
  }
}
