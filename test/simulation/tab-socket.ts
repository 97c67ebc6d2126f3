import { RECONNECT, STORE_SESSION } from '../../shared/protocol.js'
import type { ServerNode } from './server-node.js'
import { type Question, Wire, type WireWatcher } from './wire.js'

type Listener = (...args: never[]) => void
type State = 'off' | 'connecting' | 'coming' | 'greeted' | 'on'

/** What the client takes for its socket. */
export class TabSocket {
  connected = false
  state: State = 'off'
  wire: Wire | undefined
  #coming: Wire | undefined
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #onReconnect: () => void

  constructor(onReconnect: () => void) {
    this.#onReconnect = onReconnect
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

  timeout(): { emit(event: string, payload: unknown, ack: Question['ack']): void } {
    return {
      emit: (event, payload, ack) => {
        // As it goes over the network: what becomes of the original later does not matter.
        const question = { event, args: [JSON.parse(JSON.stringify(payload))], ack }
        this.wire?.open.add(question)
        this.wire?.toServer.push(question)
      },
    }
  }

  connect(): this {
    if (this.state === 'off') this.state = 'connecting'
    return this
  }

  disconnect(): this {
    this.#end('off')
    return this
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

  /** The next packet arrives, or the end of them; says which ticket it was. */
  deliver(): string | undefined {
    const { wire } = this
    if (!wire || this.state !== 'on') return undefined
    const packet = wire.toTab.shift()
    if (!packet) {
      if (wire.isClosedByServer) this.drop()
      return undefined
    }
    const { event, args } = packet
    if (event === 'connect') this.connected = true
    if (event === 'ack') (args[0] as () => void)()
    else {
      if (event === RECONNECT) this.#onReconnect()
      this.#tell(event, ...args)
    }
    return event === STORE_SESSION ? String(args[0]) : undefined
  }

  #end(next: 'off' | 'connecting'): void {
    const { wire, connected } = this
    const coming = this.#coming
    this.wire = undefined
    this.#coming = undefined
    this.connected = false
    this.state = next
    wire?.close()
    coming?.close()
    if (connected) this.#tell('disconnect')
    for (const { ack } of wire?.open ?? []) ack(new Error('disconnected'))
  }

  #tell(event: string, ...args: readonly unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...(args as never[]))
  }
}
