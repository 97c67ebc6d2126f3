import type { Namespace, Server } from 'socket.io'
import { Adapter } from 'socket.io-adapter'

/** Connects the servers of a process, as an adapter connects several processes, and copies each message. */
export class Bus {
  readonly #namespaces = new Set<Namespace>()
  readonly messages: (readonly unknown[])[] = []
  /** Whether messages get lost. */
  isCut = false
  readonly #held: (() => void)[] = []
  #isHeld = false

  /** Whether messages are held back until this is false again. */
  set isHeld(isHeld: boolean) {
    this.#isHeld = isHeld
    if (!isHeld) for (const deliver of this.#held.splice(0)) deliver()
  }

  join(io: Server): void {
    const publish = (sender: Namespace, message: readonly unknown[]): void => this.#publish(sender, message)
    const namespaces = this.#namespaces
    class BusAdapter extends Adapter {
      constructor(namespace: Namespace) {
        super(namespace)
        namespaces.add(namespace)
      }

      override serverSideEmit(message: readonly unknown[]): void {
        publish(this.nsp, message)
      }
    }
    io.adapter(BusAdapter as never)
  }

  #publish(sender: Namespace, message: readonly unknown[]): void {
    this.messages.push(message)
    if (this.isCut) return
    if (this.#isHeld) this.#held.push(() => this.#deliver(sender, message))
    else this.#deliver(sender, message)
  }

  #deliver(sender: Namespace, message: readonly unknown[]): void {
    for (const namespace of this.#namespaces) {
      if (namespace !== sender && namespace.name === sender.name)
        namespace._onServerSideEmit(JSON.parse(JSON.stringify(message)))
    }
  }
}
