import { EXCHANGE, type PageMessage } from '../../shared/protocol.js'
import type { ServerNode } from './deployment.js'
import { type Packet, type Question, Wire, type WireWatcher } from './wire.js'

type Listener = (...args: never[]) => void
type State = 'off' | 'connecting' | 'coming' | 'greeted' | 'on'

/** The socket.io client of a tab, over wires that the schedule opens and cuts. */
export class TabSocket {
  connected = false
  state: State = 'off'
  wire: Wire | undefined
  #coming: Wire | undefined
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #onMessage: (message: PageMessage) => void

  readonly #onLost: (wire: Wire) => void

  /** @param onLost called with a dead connection, still open at the server */
  constructor(onMessage: (message: PageMessage) => void, onLost: (wire: Wire) => void) {
    this.#onMessage = onMessage
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

  timeout(timeout: number): { emit(event: string, payload: unknown, ack: Question['ack']): void } {
    return {
      emit: (event, payload, ack) => {
        // Copied, as over a network.
        const question = { event, args: [JSON.parse(JSON.stringify(payload))], ack, timeout }
        if (event === EXCHANGE) this.#onMessage(question.args[0])
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

  /** Lets the open connection carry nothing more; packets sent over it may arrive after the page gives up. */
  die(): void {
    const { wire } = this
    if (this.state !== 'on' || !wire || wire.isDead) return
    wire.isDead = true
    wire.toTab.length = 0
    for (const question of wire.open) this.#await(wire, question)
  }

  /** Returns the connection of a closed or frozen page: its packets are still in flight, and the server has it open. */
  abandon(): Wire | undefined {
    const { wire } = this
    if (this.state !== 'on') return undefined
    this.wire = undefined
    this.#end('connecting')
    for (const { ack } of wire?.open ?? []) ack(new Error('disconnected'))
    return wire
  }

  outlive(): void {
    if (this.connected && this.wire) this.wire.isFormers = true
  }

  drop(): void {
    this.#end('connecting')
  }

  get node(): ServerNode | undefined {
    return (this.wire ?? this.#coming)?.node
  }

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

  get next(): Packet | undefined {
    return this.state === 'on' ? this.wire?.toTab[0] : undefined
  }

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
    }, question.timeout)
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
