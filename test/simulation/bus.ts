import type { ServerNode } from './deployment.js'
import { pick } from './random.js'
import { type Row, receivedFromNode } from './registers.js'
import { note } from './tally.js'

export type Message = readonly [event: string, name: string, rows: readonly Row[], ids?: unknown]

export interface Mail {
  readonly from: ServerNode
  /** The index of the receiving node, which may have another process on arrival. */
  readonly to: number
  readonly message: Message
}

interface Place {
  readonly sub: string
  readonly generation: number
  readonly key: string
}

/** Messages between nodes, which the schedule delivers in any order, once, twice or never. */
export class Bus {
  /** Whether messages wait for the schedule. */
  isHeld = false
  /** Whether each node has heard each other's messages in their order, as adapters deliver them. */
  isInOrder = true
  #hasLost = false
  readonly #mail: Mail[] = []
  readonly #cut = new Set<number>()
  /** The newest stamp sent or received by each node, by node, name and key. */
  readonly #known = new Map<string, number>()

  /** Whether no message was held or lost. */
  get isSound(): boolean {
    return !this.isHeld && !this.#hasLost
  }

  publish(from: ServerNode, nodes: number, message: Message): void {
    if (from.isOver) return
    const text = JSON.stringify(message)
    const [, name, rows] = message
    const { kind, sub, end } = receivedFromNode(name, rows)
    this.#noteRegisters(from.index, message)
    if (end) this.#note(`${from.index} ${kind} ${sub}`, end.epoch)
    if (end) this.#note(`${from.index} erased ${sub}`, end.generation)
    for (let to = 0; to < nodes; to += 1) {
      if (to === from.index) continue
      if (this.#cut.has(to) || this.#cut.has(from.index)) this.#lose()
      else this.#mail.push({ from, to, message: JSON.parse(text) })
    }
  }

  arrived({ to, message }: Mail): void {
    this.#noteRegisters(to, message)
  }

  /** Whether a node has sent, or received, this write or a newer write. */
  hasTold(node: ServerNode, { sub, generation, key }: Place, stamp: number): boolean {
    return (this.#known.get(`${node.index} ${sub} ${generation} ${key}`) ?? 0) >= stamp
  }

  /** Whether a node has sent or received a revocation, retirement or erasure of at least this epoch or generation. */
  hasToldEnd(node: ServerNode, kind: 'user' | 'browser' | 'erased', sub: string, epoch: number): boolean {
    return (this.#known.get(`${node.index} ${kind} ${sub}`) ?? 0) >= epoch
  }

  isPending(to: number): boolean {
    return this.#mail.some((mail) => mail.to === to)
  }

  next(): Mail | undefined {
    return this.isHeld ? undefined : this.#mail.shift()
  }

  take(which: number, isKept = false): Mail | undefined {
    const mail = pick(this.#mail, which)
    if (mail && this.#mail.find(({ from, to }) => from === mail.from && to === mail.to) !== mail) this.isInOrder = false
    if (mail && !isKept) this.#mail.splice(this.#mail.indexOf(mail), 1)
    return mail
  }

  lose(which: number): void {
    if (this.take(which)) this.#lose()
  }

  cut(node: number): void {
    note('a node is cut off')
    if (!this.#cut.delete(node)) this.#cut.add(node)
  }

  heal(): void {
    this.isHeld = false
    this.#cut.clear()
  }

  forget(node: number): void {
    const lost = this.#mail.filter(({ to }) => to === node)
    for (const mail of lost) {
      this.#mail.splice(this.#mail.indexOf(mail), 1)
      this.#lose()
    }
    for (const key of this.#known.keys()) if (key.startsWith(`${node} `)) this.#known.delete(key)
  }

  #lose(): void {
    note('a word between nodes is lost')
    this.#hasLost = true
  }

  #noteRegisters(node: number, [, name, rows]: Message): void {
    const { sub, registers } = receivedFromNode(name, rows)
    for (const [key, { stamp, generation = 0 }] of registers) this.#note(`${node} ${sub} ${generation} ${key}`, stamp)
  }

  #note(key: string, stamp: number): void {
    this.#known.set(key, Math.max(stamp, this.#known.get(key) ?? 0))
  }
}
