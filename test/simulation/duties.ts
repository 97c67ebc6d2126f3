import { subjectHash, type UserSubject } from '../../server/subjects/subject.js'
import type { ServerNode } from './deployment.js'
import { EPOCH, GENERATION, hashOf, type Received, type Register } from './registers.js'
import type { World } from './world.js'

/** A write, or only the stamp of a write, as in messages between nodes. */
type Write = Pick<Register, 'stamp'> & Partial<Register>

/** Checks the messages that nodes must send each other and the store, and their effects. */
export class Duties {
  ends = 0
  readonly #world: World
  /** By node and user, the stored epoch at each request to revoke the user, in order. */
  readonly #asked = new WeakMap<ServerNode, Map<string, number[]>>()
  readonly #generations = new WeakMap<ServerNode, Map<string, number>>()

  constructor(world: World) {
    this.#world = world
  }

  /** Called when a node has taken a write, which the other nodes and the store must get. */
  wrote(node: ServerNode, sub: string, key: string, register: Register): void {
    this.confirmed(node, sub, key, register)
    this.#world.deployment.durability?.owe(node, this.#placeOf(node, sub, key, register), key, register)
    this.tells(node, sub, key, register.stamp)
  }

  tells(node: ServerNode, sub: string, key: string, stamp: number): void {
    const place = { sub, key, generation: this.#generationOf(node, sub, key, { stamp }) }
    this.#world.checkLater(() => {
      if (this.#world.deployment.bus?.hasTold(node, place, stamp) === false && !node.isOver)
        this.#world.fail(`node ${node.index} does not broadcast ${key} at ${stamp}`)
    })
  }

  confirmed(node: ServerNode, sub: string, key: string, register: Register): void {
    const { generation = node.knowledge.generation(sub) } = register
    this.#world.ledger.assign(register.value, sub, register.stamp, generation)
    const made = this.#generations.get(node) ?? new Map()
    const { stamp, value } = register
    // A write after an erasure may repeat an earlier stamp.
    for (const write of [{ stamp }, { stamp, value }]) made.set(nameOf(sub, key, write), generation)
    this.#generations.set(node, made)
    node.knowledge.learn(sub, key, { ...register, generation })
  }

  /** Checks the level, memory or store, at which a node has acknowledged a write. */
  acknowledged(node: ServerNode, sub: string, key: string, register: Register, level: string | undefined): void {
    const { durability } = this.#world.deployment
    const isKept = !node.knowledge.retired.has(sub)
    const place = this.#placeOf(node, sub, key, register)
    const fault = level === 'store' && isKept ? durability?.stored(place, key, register) : undefined
    if (fault !== undefined) this.#world.fail(fault, 'lost')
    if (level === 'store' && !durability) this.#world.fail('a write is called stored without a store')
    if (level === 'memory' && node.line?.troubles === 0)
      this.#world.fail(`${key} is not stored, although the store works`)
  }

  /** Checks that an update accepted by a node is in the store. */
  taken(node: ServerNode, sub: string, key: string, register: Register): void {
    const place = this.#placeOf(node, sub, key, register)
    const isThere = this.#world.deployment.durability?.isThere(place, key, register)
    if (isThere === false && !node.knowledge.retired.has(sub))
      this.#world.fail(`${key} at ${register.stamp} is accepted, but not stored`, 'lost')
  }

  /** Called when a node retires a browser id, of which the other nodes and the store must learn. */
  gaveUp(node: ServerNode, browser: string, isUsers: boolean): void {
    const { bus, durability } = this.#world.deployment
    durability?.retire(node, this.#world.storeKey(browser), isUsers)
    this.#world.checkLater(() => {
      if (bus?.hasToldEnd(node, 'browser', browser, 1) === false && !node.isOver)
        this.#world.fail(`node ${node.index} does not broadcast a retired browser id`)
    })
  }

  /** Learns the writes waiting for the store, which a node must show a returning visitor. */
  recover(node: ServerNode, sub: string): void {
    const { durability } = this.#world.deployment
    const generation = node.knowledge.generation(sub)
    for (const { key, register } of durability?.pending(node, this.#world.storeKey(sub, generation)) ?? [])
      if (key !== EPOCH && key !== GENERATION) node.knowledge.learn(sub, key, register)
  }

  /** Notes the stored epoch, which the revocation must exceed unless the node is loading the user already. */
  revokes(node: ServerNode, sub: string): void {
    const mustAsk = node.line?.mustAsk(this.#world.storeKey(sub)) === true
    const before = mustAsk ? 0 : (this.#world.validity.ended(sub)?.stamp ?? 0)
    const asked = this.#asked.get(node) ?? new Map<string, number[]>()
    this.#asked.set(node, asked.set(sub, [...(asked.get(sub) ?? []), before]))
  }

  /** Called when a node has revoked a user, perhaps before the node deletes the user's values. */
  revoked(node: ServerNode, user: UserSubject, isErased: boolean): void {
    const { knowledge } = node
    const { ends } = node.process.core
    const { bus, durability } = this.#world.deployment
    const sub = hashOf(user)
    const epoch = ends.of(subjectHash(user))
    this.ends += 1
    const before = this.#world.validity.ended(sub)?.stamp ?? 0
    const asked = this.#asked.get(node)?.get(sub)?.shift() ?? 0
    if (node.line?.isWell && epoch <= asked)
      this.#world.fail(`${user} is revoked in epoch ${epoch}, although the store already had epoch ${asked}`)
    const name = this.#world.storeKey(sub)
    const former = this.#world.storeKey(sub, knowledge.generation(sub))
    const generation = ends.generation(user)
    if (isErased) durability?.end(former)
    if (epoch <= before) durability?.end(name)
    durability?.owe(node, name, EPOCH, { stamp: epoch, value: undefined })
    if (isErased) durability?.owe(node, name, GENERATION, { stamp: generation, value: undefined })
    if (isErased) node.line?.erases(name, former, generation)
    knowledge.revoke(sub, epoch)
    if (isErased && !(generation > knowledge.generation(sub)))
      this.#world.fail(`${user} is erased, but stays in the same generation`)
    if (isErased) knowledge.enter(sub, generation)
    const open = this.#world.wires(node).filter(({ subs }) => subs.includes(sub))
    this.#world.checkLater(() => {
      if (node.isOver) return
      if (this.#world.wires(node).some((wire) => open.includes(wire)))
        this.#world.fail(`a socket of the revoked ${user} stays open`)
      if (bus?.hasToldEnd(node, 'user', sub, epoch) === false)
        this.#world.fail(`node ${node.index} does not broadcast the revocation of ${user}`)
      if (isErased && bus?.hasToldEnd(node, 'erased', sub, generation) === false)
        this.#world.fail(`node ${node.index} does not broadcast the erasure of ${user}`)
    })
  }

  #placeOf(node: ServerNode, sub: string, key: string, register: Register): string {
    return this.#world.storeKey(sub, this.#generationOf(node, sub, key, register))
  }

  #generationOf(node: ServerNode, sub: string, key: string, register: Write): number {
    return this.#generations.get(node)?.get(nameOf(sub, key, register)) ?? node.knowledge.generation(sub)
  }

  /** Applies a message received by a node, and checks that the end of a user or browser id closes its connections. */
  received(node: ServerNode, received: Received, isNow: boolean): void {
    const isEnd = node.knowledge.take(received, isNow)
    if (!isEnd) return
    const { kind, sub } = received
    this.#world.checkLater(() => {
      const over = this.#world.wires(node).filter((wire) => {
        if (kind === 'browser') return wire.browser === sub && !wire.isLocal
        const cookie = this.#world.cookie(wire.cookies)
        return wire.subs[0] === sub && (wire.isLocal || (kind === 'user' && cookie && !node.knowledge.isGood(cookie)))
      })
      if (over.length > 0)
        this.#world.fail(`a connection of ${received.kind} ${sub}, ended by another node, stays open`, 'foreign')
    })
  }
}

function nameOf(sub: string, key: string, { stamp, value }: Write): string {
  return `${sub} ${key} ${stamp} ${JSON.stringify(value)}`
}
