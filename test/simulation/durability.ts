import type { ServerNode } from './deployment.js'
import { EPOCH, GENERATION, isNewer, type Register, readName } from './registers.js'
import type { SharedStore } from './shared-store.js'

/** A write that must reach the store, and its subject's name there. */
interface Owed {
  readonly name: string
  readonly key: string
  readonly register: Register
  /** The process that must store the write; undefined after the write was seen in the store. */
  node: ServerNode | undefined
}

/** Checks that each noted write reaches the store, unless its node ends first. */
export class Durability {
  readonly #store: SharedStore
  #owed: Owed[] = []
  /** Names in the store whose values a node deletes, before the other nodes can know. */
  readonly #ended = new Set<string>()

  constructor(store: SharedStore) {
    this.#store = store
  }

  /** Notes a write that this node must store, unless the node ends first. */
  owe(node: ServerNode, name: string, key: string, register: Register): void {
    this.#owed.push({ name, key, register, node })
  }

  /** Returns an error text if a write that a node reports as stored is not in the store. */
  stored(name: string, key: string, register: Register): string | undefined {
    const owed = this.#owed.filter(
      (one) => one.name === name && one.key === key && one.register.stamp <= register.stamp,
    )
    for (const one of owed) one.node = undefined
    return this.isThere(name, key, register) ? undefined : `${key} at ${register.stamp} is called stored, but is not`
  }

  /** Notes a browser id retired by a node, with its values; the store must get the retirement, unless a guest had nothing stored. */
  retire(node: ServerNode, name: string, isUsers: boolean): void {
    const isKnown = this.#store.rows(name).size + this.#store.removed(name).size > 0
    const isOwed = isUsers || isKnown || this.#owed.some((one) => one.name === name)
    this.end(name)
    if (isOwed) this.owe(node, name, EPOCH, { stamp: 1, value: undefined })
  }

  /** Notes the values under this name as deleted, or no longer valid. */
  end(name: string): void {
    this.#ended.add(name)
    this.#owed = this.#owed.filter((one) => one.name !== name || one.key === GENERATION)
  }

  forget(node: ServerNode): void {
    this.#owed = this.#owed.filter((one) => one.node !== node || this.isThere(one.name, one.key, one.register))
    for (const one of this.#owed) if (one.node === node) one.node = undefined
  }

  pending(node: ServerNode, name: string): readonly Owed[] {
    return this.#owed.filter(
      (one) => one.node === node && one.name === name && !this.isThere(name, one.key, one.register),
    )
  }

  /** Returns an error text if a write is still missing from the store at the end of a schedule. */
  fault(): string | undefined {
    const missing = this.#owed.find(({ name, key, register }) => !this.isThere(name, key, register))
    return missing && `the store has no ${missing.key} at ${missing.register.stamp} of ${missing.name}`
  }

  /** Whether the store has this write or a newer write, or knows of the retirement or erasure that deleted the write. */
  isThere(name: string, key: string, register: Register): boolean {
    const rows = this.#store.rows(name)
    const found = rows.get(key)
    if (key === EPOCH || key === GENERATION) return found !== undefined && found.stamp >= register.stamp
    if (found && !isNewer(register, found)) return true
    // The values of a browser id are deleted before its retirement is stored.
    if (name.startsWith('browser:') && rows.has(EPOCH)) return true
    const removed = this.#ended.has(name) ? this.#store.removed(name).get(key) : undefined
    if (removed && !isNewer(register, removed)) return true
    const { base, generation } = readName(name)
    const { stamp: newest = 0 } = this.#store.rows(base).get(GENERATION) ?? {}
    return newest > generation
  }
}
