import { subjectHash, type UserSubject } from '../../server/kernel/names/subject.js'
import { hashOf, type Register } from './registers.js'
import type { ServerNode } from './server-node.js'
import { EPOCH, type Told } from './told.js'
import type { World } from './world.js'

/** What nodes have to tell each other, and the store; and what they have to do when they are told. */
export class Duties {
  /** How many revocations there have been. */
  ends = 0
  readonly #world: World
  readonly #epochs = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  /** A node has taken a write: it tells the others, and has it stored. */
  wrote(node: ServerNode, sub: string, key: string, register: Register): void {
    this.confirmed(node, sub, key, register)
    this.#world.deployment.durability?.owe(node, this.#world.storeName(sub), key, register)
    this.tells(node, sub, key, register.stamp)
  }

  /** What is news at a node it tells the others. */
  tells(node: ServerNode, sub: string, key: string, stamp: number): void {
    this.#world.checkLater(() => {
      if (this.#world.deployment.bus?.hasTold(node, sub, key, stamp) === false && !node.isOver)
        this.#world.fail(`node ${node.index} does not tell the others of ${key} at ${stamp}`)
    })
  }

  /** A node has taken a write, or had it already. */
  confirmed(node: ServerNode, sub: string, key: string, register: Register): void {
    this.#world.ledger.assign(register.value, sub, register.stamp)
    node.knowledge.learn(sub, key, register)
  }

  /** A node has said how far a write has got. */
  acknowledged(node: ServerNode, sub: string, key: string, register: Register, level: string | undefined): void {
    const { durability } = this.#world.deployment
    const isKept = !node.knowledge.givenUp.has(sub) && node.knowledge.erasures.isLasting(sub, register)
    const fault =
      level === 'store' && isKept ? durability?.stored(this.#world.storeName(sub), key, register) : undefined
    if (fault !== undefined) this.#world.fail(fault, 'lost')
    if (level === 'store' && !durability) this.#world.fail('there is no store that could have it')
    if (level === 'memory' && node.line?.troubles === 0)
      this.#world.fail(`${key} is not stored, though the store is well`)
  }

  /** A node gives a browser id up: it tells the others, and has it stored. */
  gaveUp(node: ServerNode, browser: string): void {
    const { bus, durability } = this.#world.deployment
    durability?.giveUp(node, this.#world.storeName(browser))
    this.#world.checkLater(() => {
      if (bus?.hasToldEnd(node, 'browser', browser, 1) === false && !node.isOver)
        this.#world.fail(`node ${node.index} does not tell the others that a browser id was given up`)
    })
  }

  /** What the store does not have yet is not forgotten: who comes finds it in memory again. */
  recover(node: ServerNode, sub: string): void {
    for (const { key, register } of this.#world.deployment.durability?.pending(node, this.#world.storeName(sub)) ?? [])
      if (key !== EPOCH) node.knowledge.learn(sub, key, register)
  }

  /** A node has revoked a user, and may be about to delete what the user had. */
  revoked(node: ServerNode, user: UserSubject, isErased: boolean): void {
    const { knowledge } = node
    const { epochs } = node.process.core
    const { bus, durability, isAlone } = this.#world.deployment
    const sub = hashOf(user)
    const epoch = epochs.of(subjectHash(user))
    this.ends += 1
    const before = this.#world.standing.ended(sub)?.stamp ?? 0
    if (node.line?.isWell && epoch <= before)
      this.#world.fail(`${user} is revoked in epoch ${epoch}, though the store has one of ${before}`)
    if (isErased || epoch <= before) durability?.end(this.#world.storeName(sub))
    const value = isErased ? epochs.erasedUntil(user) : undefined
    durability?.owe(node, this.#world.storeName(sub), EPOCH, { stamp: epoch, value })
    if (value !== undefined) node.line?.erases(this.#world.storeName(sub), value)
    knowledge.revoke(sub, epoch)
    // A process that has just begun, on a clock that runs behind, cannot know of a later epoch.
    const isNewest = epoch > (this.#epochs.get(sub) ?? 0)
    if (isNewest) this.#epochs.set(sub, epoch)
    if (isErased) knowledge.erase(sub, epochs.erasedUntil(user))
    if (isErased) this.#world.ledger.beginAnew(sub, epochs.erasedUntil(user))
    if (isErased && isNewest && isAlone) this.#world.ledger.erase(sub)
    const open = this.#world.wires(node).filter(({ subs }) => subs.includes(sub))
    this.#world.checkLater(() => {
      if (node.isOver) return
      if (this.#world.wires(node).some((wire) => open.includes(wire)))
        this.#world.fail(`a socket of ${user}, who was revoked, stays open`)
      if (bus?.hasToldEnd(node, 'user', sub, epoch) === false)
        this.#world.fail(`node ${node.index} does not tell the others that ${user} was revoked`)
      if (value !== undefined && bus?.hasToldEnd(node, 'erased', sub, value) === false)
        this.#world.fail(`node ${node.index} does not tell the others that ${user} was erased`)
    })
  }

  /** Whatever a node is told counts there from now on: what has ended, too. */
  told(node: ServerNode, told: Told, isNow: boolean): void {
    const isEnd = node.knowledge.take(told, isNow)
    if (!isEnd) return
    const { kind, sub } = told
    this.#world.checkLater(() => {
      const over = this.#world.wires(node).filter((wire) => {
        if (kind === 'browser') return wire.browser === sub && !wire.isFleeting
        const cookie = this.#world.cookie(wire.cookies)
        return (
          wire.subs[0] === sub && (wire.isFleeting || (kind === 'user' && cookie && !node.knowledge.isGood(cookie)))
        )
      })
      if (over.length > 0)
        this.#world.fail(`a connection of ${told.kind} ${sub}, who has gone elsewhere, stays open`, 'foreign')
    })
  }
}
