import { connect, type Socket } from 'node:net'
import { Acceptor, tie } from '../support/servers/acceptor.js'

/** A load balancer without sticky sessions: each connection goes to the next running node. */
export class Gateway {
  readonly #acceptor: Acceptor
  /** All connections to nodes, muted or not. */
  readonly #far = new Set<Socket>()
  readonly #muted = new WeakSet<Socket>()
  #isMuted = (): boolean => false
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

  /** From now on loses the responses, but no requests, of some open and some later connections. */
  mute(isMuted: () => boolean): void {
    this.#isMuted = isMuted
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
    if (this.#isMuted()) this.#muted.add(far)
  }
}
