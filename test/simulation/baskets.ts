import type { JsonValue } from '../../shared/json.js'
import type { WireChange } from '../../shared/protocol.js'
import type { Browser } from './browser.js'
import { ADDED_TO } from './builds.js'
import type { Met } from './lists.js'
import type { ServerNode } from './server-node.js'
import { note } from './tally.js'
import type { Told } from './told.js'

/** ms after which the next write of a register lets go of the names of what it was computed by. */
const REMEMBERED = 2 * 60 * 1000

/** What a process knows to be taken, and how often it had been emptied by then. */
interface Names {
  readonly evictions: number
  /** By subject and id, under which stamp. */
  readonly stamps: Map<string, number>
}

interface Taker {
  readonly node: ServerNode
  readonly evictions: number
  readonly at: number
}

/** A list of some things, each once. */
export function itemsOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : []
}

/** What of a list is there more than once. */
export function doubled(key: string, value: JsonValue | undefined): JsonValue | undefined {
  return key === ADDED_TO ? itemsOf(value).find((item, index, all) => all.indexOf(item) !== index) : undefined
}

/** What of a list another lacks. */
export function lacking(before: JsonValue | undefined, after: JsonValue | undefined): JsonValue | undefined {
  return itemsOf(before).find((item) => !itemsOf(after).includes(item))
}

/** Lists that pages have computed from those before them. */
export class Baskets {
  /** By subject and id, under which stamp a server has taken it last. */
  readonly #taken = new Map<string, number>()
  /** By subject and stamp, what each id has written there first, on whichever process. */
  readonly #written = new Map<string, Map<string, string>>()
  /** By item, who took it first, how often that process had been emptied by then, and when. */
  readonly #takers = new Map<JsonValue, Taker>()
  /** The last items of changes that two processes have taken, each under a stamp of its own; all of those that one has refused. */
  readonly #retaken = new Set<JsonValue | undefined>()
  /** Items that a write has gone over since, so late that nothing knows their names any more. */
  readonly #forgotten = new Set<JsonValue>()
  /** By subject, whose pages have added. */
  readonly #adders = new Map<string, Set<Browser>>()
  readonly #names = new WeakMap<ServerNode, Names>()
  readonly #isJoined: () => boolean
  readonly #isOne: () => boolean

  /**
   * @param isJoined whether a process can know what another one has taken
   * @param isOne whether it knows that without a word from the other
   */
  constructor(isJoined: () => boolean, isOne: () => boolean) {
    this.#isJoined = isJoined
    this.#isOne = isOne
  }

  /** The word of another process brings what that has taken by then, or was told. */
  told(node: ServerNode, { sub, registers }: Told, from: ServerNode | undefined): void {
    const { stamp: newest = 0 } = registers.get(ADDED_TO) ?? {}
    for (const [name, stamp] of from ? this.#namesOf(from) : [])
      if (name.startsWith(`${sub} `) && stamp <= newest) this.#namesOf(node).set(name, stamp)
  }

  /** A server refuses one. What another has taken a page then computes once more; one that was left has no function for it. */
  refuses(node: ServerNode, sub: string, [, , id, value]: WireChange): void {
    const name = `${sub} ${id}`
    if (!this.#taken.has(name) || this.#knows(node, name)) return
    note('a change is refused that another process has taken')
    for (const item of itemsOf(value)) this.#retaken.add(item)
  }

  /** Whether a server has said of this before that it was taken. */
  isKnown(sub: string, [, , id]: WireChange, stamp: number): boolean {
    return this.#taken.get(`${sub} ${id}`) === stamp
  }

  /**
   * A server says that it has one, under that stamp. Says what is wrong with it.
   *
   * @param met what it goes over, what the server knew at the least, with what the page has brought, and the stamp of what its page can bring
   */
  fault(
    { node, browser, sub }: { readonly node: ServerNode; readonly browser: Browser; readonly sub: string },
    change: WireChange,
    stamp: number,
    { over, standing: floor, heard }: Pick<Met, 'standing' | 'heard'> & { readonly over: number },
  ): string | undefined {
    const [key, , id, value] = change
    const text = JSON.stringify(value)
    // A process that has ended may have taken it, and have told only the store.
    const isThere = floor && stamp <= floor.stamp && lacking(value, floor.value) === undefined
    const isKnown = this.isKnown(sub, change, stamp) || isThere === true
    const name = `${sub} ${id}`
    const former = this.#taken.get(name) ?? stamp
    if (former !== stamp && !this.#knows(node, name)) {
      note('a computed value is taken by two processes')
      this.#retaken.add(itemsOf(value).at(-1))
    }
    this.#taken.set(name, stamp)
    const there = this.#written.get(`${sub} ${stamp}`) ?? new Map<string, string>()
    this.#written.set(`${sub} ${stamp}`, there.has(id) ? there : there.set(id, text))
    this.#namesOf(node).set(name, stamp)
    this.#adders.set(sub, new Set(this.#adders.get(sub)).add(browser))
    const { evictions } = node
    for (const item of itemsOf(value)) {
      const at = floor && itemsOf(floor.value).includes(item) ? floor.stamp : stamp
      if (!this.#takers.has(item)) this.#takers.set(item, { node, evictions, at })
    }
    note(`a computed value is ${isKnown ? 'confirmed' : 'taken'}`)
    if (isKnown) return undefined
    const twice = doubled(key, value)
    if (twice !== undefined && !this.mayBeTwice(twice)) return `${key} = ${text} is taken, with ${twice} twice`
    this.#forget(itemsOf(value), stamp)
    if (floor && floor.stamp > over) return `${key} = ${text} is taken over ${JSON.stringify(floor)}, not over ${over}`
    const lost = lacking(floor?.value, value)
    return lost === undefined || this.#isAmbiguous(sub, over) || this.#isBehind(node, over, stamp, heard)
      ? undefined
      : `${key} = ${text} is taken, in which ${JSON.stringify(lost)} is lost`
  }

  /** Whether several browsers have added: without a store a process that has begun anew takes what the one adds before it is shown the other's cookie. */
  isShared(sub: string): boolean {
    return (this.#adders.get(sub)?.size ?? 0) > 1
  }

  /**
   * Where no store has it, no process but the one that took it, and those that it tells, knows by which id: what a cookie has says nothing of ids.
   * Nothing knows it of what was taken long before the newest write.
   */
  mayBeTwice(item: JsonValue): boolean {
    if (!this.#isJoined() || this.#forgotten.has(item) || this.#retaken.has(item)) return true
    const { node, evictions } = this.#takers.get(item) ?? {}
    return node !== undefined && !node.line && (node.isOver || node.evictions !== evictions)
  }

  /**
   * Whether two processes have taken the change that added it, or one has refused what another had taken: what was computed over that is not over
   * what stands.
   */
  isRetaken(item: JsonValue): boolean {
    return this.#retaken.has(item)
  }

  /** Whether a process knows that a change was taken. */
  #knows(node: ServerNode, name: string): boolean {
    return this.#isOne() || this.#namesOf(node).has(name)
  }

  #namesOf(node: ServerNode): Names['stamps'] {
    const { evictions } = node
    const known = this.#names.get(node)
    if (known?.evictions === evictions) return known.stamps
    const stamps: Names['stamps'] = new Map()
    this.#names.set(node, { evictions, stamps })
    return stamps
  }

  #forget(items: readonly JsonValue[], now: number): void {
    for (const item of items) if ((this.#takers.get(item)?.at ?? now) <= now - REMEMBERED) this.#forgotten.add(item)
  }

  /** Two processes that nothing connects may each take one in the same millisecond: the stamp does not say which of them a page knows. */
  #isAmbiguous(sub: string, stamp: number): boolean {
    return new Set(this.#written.get(`${sub} ${stamp}`)?.values()).size > 1
  }

  /**
   * A process that nothing has told what the page has seen elsewhere, or before that process began, and whose clock is behind that, cannot go over it:
   * the change is lost by the merge. What only its HTML has told it, a page cannot bring.
   */
  #isBehind({ line }: ServerNode, over: number, stamp: number, heard: number): boolean {
    const isBehind = stamp <= over && heard < over && line?.isWell !== true
    if (isBehind) note('a computed value is taken below what it was computed from')
    return isBehind
  }
}
