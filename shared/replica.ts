import { memoryBytes } from './budget.js'
import type { ChangeSource } from './change.js'
import { type JsonValue, sameJson } from './json.js'
import type { StoredRegister, TakenId } from './register.js'
import { NEVER, type Stamp } from './stamp.js'
import { isNews } from './taken-ids.js'

/** The source of a write, with the computed changes that it knows, if any. Few know any, so they have no cell of their own. */
type SourceCell = ChangeSource | { readonly source: ChangeSource; readonly ids: readonly TakenId[] }
type Cell = string | Stamp | JsonValue | SourceCell | undefined

const WIDTH = 4
/** Bytes of a replica without registers, with its place in a cache; of a register without its value; of an id. */
const EMPTY = 200
const REGISTER = 56
const ID = 128

/**
 * One copy of a subject's registers. Registers only ever become newer: `merge` is commutative, associative and idempotent, so replicas that
 * exchange their registers, in any order and any number of times, converge.
 */
export class Replica {
  // Key, stamp, value, source in one flat array: with a million subjects in memory, an object per register costs 80 bytes more per subject,
  // a Map 200. Keys are few, so a scan is as fast as a hash.
  #cells: Cell[] = []
  #bytes = EMPTY
  /** When this last held all that the store has of the subject, in ms since 1970. */
  loadedAt: number | undefined = undefined

  /** Creates a replica with these registers. */
  static of(registers: readonly StoredRegister[], source: ChangeSource): Replica {
    const replica = new Replica()
    for (const register of registers) replica.#put(register, source)
    replica.#fit()
    return replica
  }

  /** Approximate bytes of memory that it takes: counted on each write, so that reading this costs nothing. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#cells.length === 0
  }

  /** The stamp of the key's newest write, deletion included; 0 when there is none. */
  stamp(key: string): Stamp {
    const at = this.#at(key)
    return at < 0 ? NEVER : (this.#cells[at + 1] as Stamp)
  }

  /** The stored value; undefined where the key is deleted or was never written. */
  value(key: string): JsonValue | undefined {
    const at = this.#at(key)
    return at < 0 ? undefined : (this.#cells[at + 2] as JsonValue | undefined)
  }

  /** The source of the key's newest write, as passed to `merge`. */
  source(key: string): ChangeSource | undefined {
    const at = this.#at(key)
    return at < 0 ? undefined : sourceOf(this.#cells[at + 3] as SourceCell)
  }

  /** The computed changes that the key's newest write knows of. */
  ids(key: string): readonly TakenId[] | undefined {
    const at = this.#at(key)
    return at < 0 ? undefined : idsIn(this.#cells[at + 3] as SourceCell)
  }

  /** Applies the register if it is newer, or the same with more ids; returns whether it was. */
  merge(register: StoredRegister, source: ChangeSource): boolean {
    const { length } = this.#cells
    const isNews = this.#put(register, source)
    if (this.#cells.length > length) this.#fit()
    return isNews
  }

  /** Records that the same write as it has also came from this source. */
  confirm({ key, stamp, value }: StoredRegister, source: ChangeSource): void {
    const at = this.#at(key)
    if (at < 0 || this.#cells[at + 1] !== stamp || !sameJson(this.#cells[at + 2] as JsonValue | undefined, value))
      return
    this.#cells[at + 3] = sourceCell(source, idsIn(this.#cells[at + 3] as SourceCell))
  }

  /** Forgets everything. Apart from this and `forget`, registers only become newer. */
  clear(): void {
    this.#cells = []
    this.#bytes = EMPTY
  }

  /** Forgets some registers, as if they had never existed. */
  forget(isGone: (register: StoredRegister) => boolean): void {
    for (const register of this.registers()) if (isGone(register)) this.#bytes -= bytesOf(register)
    this.#cells = this.#cells.filter((_, at) => !isGone(this.#register(at - (at % WIDTH))))
  }

  /** Forgets registers as if they had been evicted: all but those to be kept, as far as there is room for them, and these without ids. */
  lighten(room: number, isKept: (register: StoredRegister) => boolean): void {
    const kept = this.registers().flatMap((register) =>
      isKept(register) ? { register, source: this.source(register.key) } : [],
    )
    this.clear()
    this.loadedAt = undefined
    for (const {
      register: { key, stamp, value },
      source,
    } of kept)
      if (source && this.#bytes + bytesOf({ key, stamp, value }) <= room) this.#put({ key, stamp, value }, source)
    this.#fit()
  }

  /** The key's newest write, deletion included; undefined where there is none. */
  register(key: string): StoredRegister | undefined {
    const at = this.#at(key)
    return at < 0 ? undefined : this.#register(at)
  }

  /** All registers, in the order in which keys were first written. */
  registers(): readonly StoredRegister[] {
    const registers: StoredRegister[] = []
    for (let at = 0; at < this.#cells.length; at += WIDTH) registers.push(this.#register(at))
    return registers
  }

  #put(register: StoredRegister, source: ChangeSource): boolean {
    const at = this.#at(register.key)
    const { key, stamp, value, ids } = register
    if (at < 0) this.#cells.push(key, stamp, value, sourceCell(source, ids))
    else {
      const current = this.#register(at)
      if (!isNews(register, current)) return false
      this.#bytes -= bytesOf(current)
      // The same write with more ids keeps its source.
      const came =
        stamp === current.stamp && sameJson(value, current.value) ? sourceOf(this.#cells[at + 3] as SourceCell) : source
      this.#cells[at + 1] = stamp
      this.#cells[at + 2] = value
      this.#cells[at + 3] = sourceCell(came, ids)
    }
    this.#bytes += bytesOf(register)
    return true
  }

  /** An array that has grown has spare room that a subject with few keys never uses: 80 bytes of 430. */
  #fit(): void {
    this.#cells = this.#cells.slice()
  }

  #register(at: number): StoredRegister {
    const register = {
      key: this.#cells[at] as string,
      stamp: this.#cells[at + 1] as Stamp,
      value: this.#cells[at + 2] as JsonValue | undefined,
    }
    const ids = idsIn(this.#cells[at + 3] as SourceCell)
    return ids === undefined ? register : { ...register, ids }
  }

  #at(key: string): number {
    for (let at = 0; at < this.#cells.length; at += WIDTH) if (this.#cells[at] === key) return at
    return -1
  }
}

function sourceCell(source: ChangeSource, ids: readonly TakenId[] | undefined): SourceCell {
  return ids === undefined ? source : { source, ids }
}

function sourceOf(cell: SourceCell): ChangeSource {
  return typeof cell === 'string' ? cell : cell.source
}

function idsIn(cell: SourceCell): readonly TakenId[] | undefined {
  return typeof cell === 'string' ? undefined : cell.ids
}

function bytesOf({ value, ids }: StoredRegister): number {
  return REGISTER + memoryBytes(value) + ID * (ids?.length ?? 0)
}
