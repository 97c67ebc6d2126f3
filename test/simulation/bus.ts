import { pick } from './random.js'
import type { Row } from './registers.js'
import type { ServerNode } from './server-node.js'
import { note } from './tally.js'
import { toldByNode } from './told.js'

/** As it is handed to an adapter. */
export type Message = readonly [event: string, name: string, rows: readonly Row[], ids?: unknown]

/** What is on its way to one node. */
export interface Mail {
  readonly from: ServerNode
  /** Which node it goes to: it may be another process by then. */
  readonly to: number
  readonly message: Message
}

/** A key of a subject's values, of one generation. */
interface Place {
  readonly sub: string
  readonly generation: number
  readonly key: string
}

/** What nodes tell each other is on its way until the schedule has it arrive, in any order, once, twice or never. */
export class Bus {
  /** Nothing arrives by itself. */
  isHeld = false
  #hasLost = false
  readonly #mail: Mail[] = []
  /** Nodes that none of the others can reach. */
  readonly #cut = new Set<number>()
  /** By node, name and key: the newest stamp that it has told, or was told. */
  readonly #told = new Map<string, number>()

  /** Everything arrives, and has arrived so far. */
  get isSound(): boolean {
    return !this.isHeld && !this.#hasLost
  }

  publish(from: ServerNode, nodes: number, message: Message): void {
    if (from.isOver) return
    const text = JSON.stringify(message)
    const [, name, rows] = message
    const { kind, sub, end } = toldByNode(name, rows)
    this.#noteRegisters(from.index, message)
    if (end) this.#note(`${from.index} ${kind} ${sub}`, end.epoch)
    if (end) this.#note(`${from.index} erased ${sub}`, end.generation)
    for (let to = 0; to < nodes; to += 1) {
      if (to === from.index) continue
      if (this.#cut.has(to) || this.#cut.has(from.index)) this.#lose()
      else this.#mail.push({ from, to, message: JSON.parse(text) })
    }
  }

  /** It has arrived: what one node has told another has not to tell again. */
  arrived({ to, message }: Mail): void {
    this.#noteRegisters(to, message)
  }

  /** Whether a node has told the others of that write, or of a later one, or has been told by another. */
  hasTold(node: ServerNode, { sub, generation, key }: Place, stamp: number): boolean {
    return (this.#told.get(`${node.index} ${sub} ${generation} ${key}`) ?? 0) >= stamp
  }

  /** The same, of an end; or which generation has begun. */
  hasToldEnd(node: ServerNode, kind: 'user' | 'browser' | 'erased', sub: string, epoch: number): boolean {
    return (this.#told.get(`${node.index} ${kind} ${sub}`) ?? 0) >= epoch
  }

  /** The next that arrives by itself. */
  next(): Mail | undefined {
    return this.isHeld ? undefined : this.#mail.shift()
  }

  /** @param isKept it arrives once more */
  take(which: number, isKept = false): Mail | undefined {
    const mail = pick(this.#mail, which)
    if (mail && !isKept) this.#mail.splice(this.#mail.indexOf(mail), 1)
    return mail
  }

  lose(which: number): void {
    if (this.take(which)) this.#lose()
  }

  /** One node is cut off from the others, or is reached again. */
  cut(node: number): void {
    note('a node is cut off')
    if (!this.#cut.delete(node)) this.#cut.add(node)
  }

  /** Everything arrives from now on. */
  heal(): void {
    this.isHeld = false
    this.#cut.clear()
  }

  /** A process has ended: nothing that was on its way to it arrives. */
  forget(node: number): void {
    const lost = this.#mail.filter(({ to }) => to === node)
    for (const mail of lost) {
      this.#mail.splice(this.#mail.indexOf(mail), 1)
      this.#lose()
    }
    for (const key of this.#told.keys()) if (key.startsWith(`${node} `)) this.#told.delete(key)
  }

  #lose(): void {
    note('a word between nodes is lost')
    this.#hasLost = true
  }

  #noteRegisters(node: number, [, name, rows]: Message): void {
    const { sub, registers } = toldByNode(name, rows)
    for (const [key, { stamp, generation = 0 }] of registers) this.#note(`${node} ${sub} ${generation} ${key}`, stamp)
  }

  #note(key: string, stamp: number): void {
    this.#told.set(key, Math.max(stamp, this.#told.get(key) ?? 0))
  }
}
