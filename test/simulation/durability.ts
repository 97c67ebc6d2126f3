import { isNewer, type Register } from './registers.js'
import type { ServerNode } from './server-node.js'
import type { SharedStore } from './shared-store.js'
import { EPOCH, GENERATION, readName } from './told.js'

/** A write, and by which name the store knows its subject. */
interface Owed {
  readonly name: string
  readonly key: string
  readonly register: Register
  /** It knows of the write, and stores it if it lives: none where the store was seen to have it. */
  node: ServerNode | undefined
}

/** What the store must have, and must come to have. */
export class Durability {
  readonly #store: SharedStore
  #owed: Owed[] = []
  /** Names under which what stood is deleted: before the store is told the end, and so before all can know. */
  readonly #ended = new Set<string>()

  constructor(store: SharedStore) {
    this.#store = store
  }

  /** A node has taken a write: while it lives the store is going to have it. */
  owe(node: ServerNode, name: string, key: string, register: Register): void {
    this.#owed.push({ name, key, register, node })
  }

  /** A node has said that the store has it. Says what is wrong with that. */
  stored(name: string, key: string, register: Register): string | undefined {
    const owed = this.#owed.filter(
      (one) => one.name === name && one.key === key && one.register.stamp <= register.stamp,
    )
    for (const one of owed) one.node = undefined
    return this.isThere(name, key, register)
      ? undefined
      : `${key} at ${register.stamp} is said to be stored, and is not`
  }

  /**
   * A node has given a browser id up: it has what stood there removed, and then the end stored. Of a guest of whom the store never had anything
   * there need be no row: any stranger can be any number of such guests.
   */
  giveUp(node: ServerNode, name: string, isUsers: boolean): void {
    const isKnown = this.#store.rows(name).size + this.#store.removed(name).size > 0
    const isOwed = isUsers || isKnown || this.#owed.some((one) => one.name === name)
    this.end(name)
    if (isOwed) this.owe(node, name, EPOCH, { stamp: 1, value: undefined })
  }

  /** What was written under a name until now is deleted, or of no use any more. */
  end(name: string): void {
    this.#ended.add(name)
    this.#owed = this.#owed.filter((one) => one.name !== name || one.key === GENERATION)
  }

  /** A process has ended: what the store has not is lost with it. */
  forget(node: ServerNode): void {
    this.#owed = this.#owed.filter((one) => one.node !== node || this.isThere(one.name, one.key, one.register))
    for (const one of this.#owed) if (one.node === node) one.node = undefined
  }

  /** What of a node the store does not have yet. */
  pending(node: ServerNode, name: string): readonly Owed[] {
    return this.#owed.filter(
      (one) => one.node === node && one.name === name && !this.isThere(name, one.key, one.register),
    )
  }

  /** What the store has not, now that all had the time. */
  fault(): string | undefined {
    const missing = this.#owed.find(({ name, key, register }) => !this.isThere(name, key, register))
    return missing && `the store has no ${missing.key} at ${missing.register.stamp} of ${missing.name}`
  }

  /** Whether the store has a write, or a later one, or knows that it is gone. */
  isThere(name: string, key: string, register: Register): boolean {
    const rows = this.#store.rows(name)
    const found = rows.get(key)
    if (key === EPOCH || key === GENERATION) return found !== undefined && found.stamp >= register.stamp
    if (found && !isNewer(register, found)) return true
    // What a browser had that was given up is forgotten, and that before its end is stored.
    if (name.startsWith('browser:') && rows.has(EPOCH)) return true
    const removed = this.#ended.has(name) ? this.#store.removed(name).get(key) : undefined
    if (removed && !isNewer(register, removed)) return true
    const { base, generation } = readName(name)
    const { stamp: newest = 0 } = this.#store.rows(base).get(GENERATION) ?? {}
    return newest > generation
  }
}
