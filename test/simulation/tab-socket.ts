import { SYNC, type Sync } from '../../shared/protocol.js'
import type { ServerNode } from './server-node.js'
import { type Packet, type Question, Wire, type WireWatcher } from './wire.js'

type Listener = (...args: never[]) => void
type State = 'off' | 'connecting' | 'coming' | 'greeted' | 'on'

/** What the client takes for its socket. */
export class TabSocket {
  connected = false
  state: State = 'off'
  wire: Wire | undefined
  #coming: Wire | undefined
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #onSync: (sync: Sync) => void

  readonly #onLost: (wire: Wire) => void

  /**
   * @param onSync told of what the page says
   * @param onLost given a dead connection that the page gives up: the server has not heard of the end
   */
  constructor(onSync: (sync: Sync) => void, onLost: (wire: Wire) => void) {
    this.#onSync = onSync
    this.#onLost = onLost
  }

  on(event: string, listener: Listener): this {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(listener))
    return this
  }

  once(event: string, listener: Listener): this {
    const once: Listener = (...args) => {
      this.off(event, once)
      listener(...args)
    }
    return this.on(event, once)
  }

  off(event: string, listener: Listener): this {
    this.#listeners.get(event)?.delete(listener)
    return this
  }

  timeout(patience: number): { emit(event: string, payload: unknown, ack: Question['ack']): void } {
    return {
      emit: (event, payload, ack) => {
        // As it goes over the network: what becomes of the original later does not matter.
        const question = { event, args: [JSON.parse(JSON.stringify(payload))], ack, patience }
        if (event === SYNC) this.#onSync(question.args[0])
        this.wire?.open.add(question)
        if (this.wire?.isDead) this.#await(this.wire, question)
        this.wire?.toServer.push(question)
      },
    }
  }

  connect(): this {
    if (this.state === 'off') this.state = 'connecting'
    return this
  }

  disconnect(): this {
    const { wire } = this
    this.#end('off', wire?.isDead)
    if (wire?.isDead) this.#onLost(wire)
    return this
  }

  /** The connection carries nothing any more, though it stays open: what the page says may arrive once the page has given it up. */
  die(): void {
    const { wire } = this
    if (this.state !== 'on' || !wire || wire.isDead) return
    wire.isDead = true
    wire.toTab.length = 0
    for (const question of wire.open) this.#await(wire, question)
  }

  /** Its page is gone, or frozen: what it has sent is under way still, and the server has not heard of the end. */
  abandon(): Wire | undefined {
    const { wire } = this
    if (this.state !== 'on') return undefined
    this.wire = undefined
    this.#end('connecting')
    for (const { ack } of wire?.open ?? []) ack(new Error('disconnected'))
    return wire
  }

  /** Its page is another visitor's than the connection. */
  outlive(): void {
    if (this.connected && this.wire) this.wire.isFormers = true
  }

  /** The connection breaks; the client's own socket comes back by itself. */
  drop(): void {
    this.#end('connecting')
  }

  /** The node that it is connected to, or is about to be. */
  get node(): ServerNode | undefined {
    return (this.wire ?? this.#coming)?.node
  }

  /** Resolves when the server has made up its mind, which may take a while. */
  async greet(node: ServerNode, cookies: string, watcher: WireWatcher): Promise<void> {
    const wire = new Wire(node, cookies, watcher)
    this.#coming = wire
    this.state = 'coming'
    const error = await wire.greet()
    if (this.#coming !== wire) return
    this.#coming = undefined
    if (wire.isClosedByServer) this.state = 'connecting'
    else if (error) {
      this.state = 'off'
      this.#tell('connect_error', error)
    } else {
      this.wire = wire
      this.state = 'greeted'
    }
  }

  enter(): void {
    this.state = 'on'
    this.wire?.enter()
  }

  /** What arrives next, if it is not the end. */
  get next(): Packet | undefined {
    return this.state === 'on' ? this.wire?.toTab[0] : undefined
  }

  /** The next packet arrives, or the end of them. */
  deliver(): void {
    const packet = this.next
    this.wire?.toTab.shift()
    if (!packet) {
      if (this.wire?.isClosedByServer) this.drop()
      return
    }
    const { event, args } = packet
    if (event === 'connect') this.connected = true
    if (event === 'ack') (args[0] as () => void)()
    else this.#tell(event, ...args)
  }

  #await(wire: Wire, question: Question): void {
    setTimeout(() => {
      if (this.wire === wire && wire.open.delete(question)) question.ack(new Error('timeout'))
    }, question.patience)
  }

  #end(next: 'off' | 'connecting', isUnheard = false): void {
    const { wire, connected } = this
    const coming = this.#coming
    this.wire = undefined
    this.#coming = undefined
    this.connected = false
    this.state = next
    if (!isUnheard) wire?.close()
    coming?.close()
    if (connected) this.#tell('disconnect')
    for (const { ack } of wire?.open ?? []) ack(new Error('disconnected'))
  }

  #tell(event: string, ...args: readonly unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...(args as never[]))
  }
}
