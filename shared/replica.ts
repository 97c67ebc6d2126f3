// Keeps a subject's registers in memory, merges newer registers, and counts their bytes.

import { memoryBytes } from './budget.js'
import type { ChangeSource } from './change.js'
import { isNews } from './idempotency-keys.js'
import { type JsonValue, sameJson } from './json.js'
import type { IdempotencyKey, LwwRegister } from './register.js'
import { NEVER, type Stamp } from './stamp.js'

/** The source of a write, together with its ids, if any: few writes have ids, so a separate cell for ids would waste memory. */
type SourceCell = ChangeSource | { readonly source: ChangeSource; readonly ids: readonly IdempotencyKey[] }
type Cell = string | Stamp | JsonValue | SourceCell | undefined

/** Cells of a register. */
const WIDTH = 4
/** Bytes of an empty replica with its cache entry. */
const EMPTY = 200
/** Bytes of a register without its value. */
const REGISTER = 56
/** Bytes of an id with its stamp. */
const ID = 128

/**
 * A copy of a subject's registers. `merge` is commutative, associative and idempotent, so replicas converge, however often and in whatever
 * order they exchange their registers.
 */
export class Replica {
  // Key, stamp, value and source in a flat array. For each of a million subjects, an object per register would take 80 bytes more, a Map
  // 200 more. Keys are few, so a scan is as fast as a hash. No private methods, because they would add 8 bytes to each object.
  #cells: Cell[] = []
  #bytes = EMPTY
  /** When this replica last received all of the subject's registers from the store, in ms since 1970. */
  loadedAt: number | undefined = undefined

  static of(registers: readonly LwwRegister[], source: ChangeSource): Replica {
    const replica = new Replica()
    for (const register of registers) replica.merge(register, source)
    return replica
  }

  /** Approximate bytes in memory, counted on each write, so that a read costs nothing. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#cells.length === 0
  }

  /** The stamp of the key's newest write, including a deletion; 0 if there is none. */
  stamp(key: string): Stamp {
    const at = indexOf(this.#cells, key)
    return at < 0 ? NEVER : (this.#cells[at + 1] as Stamp)
  }

  /** The stored value; undefined if the key is deleted or was never written. */
  value(key: string): JsonValue | undefined {
    const at = indexOf(this.#cells, key)
    return at < 0 ? undefined : (this.#cells[at + 2] as JsonValue | undefined)
  }

  /** The source of the key's newest write, as passed to `merge`. */
  source(key: string): ChangeSource | undefined {
    const at = indexOf(this.#cells, key)
    return at < 0 ? undefined : sourceOf(this.#cells[at + 3] as SourceCell)
  }

  /** The ids of the key's known updates. */
  ids(key: string): readonly IdempotencyKey[] | undefined {
    const at = indexOf(this.#cells, key)
    return at < 0 ? undefined : idsIn(this.#cells[at + 3] as SourceCell)
  }

  /** Applies a register if newer, or equal with more ids; returns whether it was applied. */
  merge(register: LwwRegister, source: ChangeSource): boolean {
    const at = indexOf(this.#cells, register.key)
    const { key, stamp, value, ids } = register
    // `push` would leave spare capacity: 80 of 430 bytes for a subject with few keys.
    if (at < 0) this.#cells = this.#cells.concat([key, stamp, value, sourceCell(source, ids)])
    else {
      const current = registerAt(this.#cells, at)
      if (!isNews(register, current)) return false
      this.#bytes -= bytesOf(current)
      // An equal write with more ids keeps the former source.
      const came =
        stamp === current.stamp && sameJson(value, current.value) ? sourceOf(this.#cells[at + 3] as SourceCell) : source
      this.#cells[at + 1] = stamp
      this.#cells[at + 2] = value
      this.#cells[at + 3] = sourceCell(came, ids)
    }
    this.#bytes += bytesOf(register)
    return true
  }

  /** Sets the source of the key's newest write, if it is equal to the given register. */
  setSource({ key, stamp, value }: LwwRegister, source: ChangeSource): void {
    const at = indexOf(this.#cells, key)
    if (at < 0 || this.#cells[at + 1] !== stamp || !sameJson(this.#cells[at + 2] as JsonValue | undefined, value))
      return
    this.#cells[at + 3] = sourceCell(source, idsIn(this.#cells[at + 3] as SourceCell))
  }

  /** Removes all registers. Apart from `clear`, `forget` and `shrink`, no method removes a register, or makes it older. */
  clear(): void {
    this.#cells = []
    this.#bytes = EMPTY
  }

  /** Removes matching registers, as if never written. */
  forget(isGone: (register: LwwRegister) => boolean): void {
    for (const register of this.registers()) if (isGone(register)) this.#bytes -= bytesOf(register)
    this.#cells = this.#cells.filter((_, at) => !isGone(registerAt(this.#cells, at - (at % WIDTH))))
  }

  /** Keeps only matching registers, without their ids, up to `space` bytes. The next visit loads the evicted registers from the store. */
  shrink(space: number, isKept: (register: LwwRegister) => boolean): void {
    const left = this.registers().flatMap((register) =>
      isKept(register) ? { register, source: this.source(register.key) } : [],
    )
    this.clear()
    this.loadedAt = undefined
    for (const {
      register: { key, stamp, value },
      source,
    } of left)
      if (source && this.#bytes + bytesOf({ key, stamp, value }) <= space) this.merge({ key, stamp, value }, source)
  }

  /** The key's newest write, including a deletion; undefined if there is none. */
  register(key: string): LwwRegister | undefined {
    const at = indexOf(this.#cells, key)
    return at < 0 ? undefined : registerAt(this.#cells, at)
  }

  /** All registers, in the order in which keys were first written. */
  registers(): readonly LwwRegister[] {
    const registers: LwwRegister[] = []
    for (let at = 0; at < this.#cells.length; at += WIDTH) registers.push(registerAt(this.#cells, at))
    return registers
  }
}

function registerAt(cells: readonly Cell[], at: number): LwwRegister {
  const register = {
    key: cells[at] as string,
    stamp: cells[at + 1] as Stamp,
    value: cells[at + 2] as JsonValue | undefined,
  }
  const ids = idsIn(cells[at + 3] as SourceCell)
  return ids === undefined ? register : { ...register, ids }
}

function indexOf(cells: readonly Cell[], key: string): number {
  for (let at = 0; at < cells.length; at += WIDTH) if (cells[at] === key) return at
  return -1
}

function sourceCell(source: ChangeSource, ids: readonly IdempotencyKey[] | undefined): SourceCell {
  return ids === undefined ? source : { source, ids }
}

function sourceOf(cell: SourceCell): ChangeSource {
  return typeof cell === 'string' ? cell : cell.source
}

function idsIn(cell: SourceCell): readonly IdempotencyKey[] | undefined {
  return typeof cell === 'string' ? undefined : cell.ids
}

function bytesOf({ value, ids }: LwwRegister): number {
  return REGISTER + memoryBytes(value) + ID * (ids?.length ?? 0)
}
