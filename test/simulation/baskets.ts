import { type JsonValue, sameJson } from '../../shared/json.js'
import type { WireChange } from '../../shared/protocol.js'
import type { Browser } from './browser.js'
import { ADDED_TO, isValidItem } from './builds.js'
import type { ServerNode } from './deployment.js'
import type { Received, Register } from './registers.js'
import type { Tab } from './tab.js'
import { note } from './tally.js'

export interface Met {
  readonly floor: Register | undefined
  readonly standing: Register | undefined
  readonly heard: number
  readonly generation: number
}

/** The outcome of the previous change of the key in the same exchange. */
export type Before = 'refused' | Register | undefined

const NOTHING: Met = { floor: undefined, standing: undefined, heard: 0, generation: 0 }

export function metAfter({ floor, standing, ...others }: Met = NOTHING, before: Before): Met {
  const newest = (known: Register | undefined): Register | undefined =>
    before && before !== 'refused' && before.stamp > (known?.stamp ?? 0) ? before : known
  return { floor: newest(floor), standing: newest(standing), ...others }
}

/** Returns the base of a change: the stamp of the previous change in its message, if still the newest, otherwise its own base. */
export function overOf(base: number, before: Before, standing: Register | undefined): number {
  if (base < 0 || !before || before === 'refused') return base
  const isNewest = standing?.stamp === before.stamp && sameJson(standing.value, before.value)
  return isNewest ? Math.max(base, before.stamp) : base
}

/** ms after which the next write of a register drops the ids of its updates. */
const REMEMBERED = 2 * 60 * 1000

/** The ids of taken changes known to a process, until its next eviction drops them. */
interface Names {
  readonly evictions: number
  readonly stamps: Map<string, number>
}

interface Numbered {
  readonly number: number
  readonly value: JsonValue | undefined
  /** Set after the answer. */
  readonly stamp?: number
}

/** The circumstances of an accepted change. */
interface Judged extends Pick<Met, 'standing' | 'heard'> {
  readonly over: number
  /** The register of the next stamp in the answer's ticket: a covering change's. */
  readonly next: Register | undefined
}

export function itemsOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : []
}

/** Returns the page of an update, and the change's number on that page. */
function pageOf(id: string): readonly [page: string, number: number] {
  const at = id.lastIndexOf('-')
  return [id.slice(0, at), Number(id.slice(at + 1))]
}

export function doubled(key: string, value: JsonValue | undefined): JsonValue | undefined {
  return key === ADDED_TO ? itemsOf(value).find((item, index, all) => all.indexOf(item) !== index) : undefined
}

export function lacking(before: JsonValue | undefined, after: JsonValue | undefined): JsonValue | undefined {
  return itemsOf(before).find((item) => !itemsOf(after).includes(item))
}

/** Judges changes of lists: a retried change must add its items once, over the right base. */
export class Baskets {
  /** The last stamp with which a server took a change, by subject and id. */
  readonly #taken = new Map<string, number>()
  /** The changes that have arrived, by subject and page. */
  readonly #ofPages = new Map<string, readonly Numbered[]>()
  /** The first value written under each id, by subject and stamp. */
  readonly #written = new Map<string, Map<string, string>>()
  /** The time at which a process first took an item, in ms since 1970. */
  readonly #takenAt = new Map<JsonValue, number>()
  /** The last items of changes taken under two stamps, and the items of changes refused although another process had taken them. */
  readonly #retaken = new Set<JsonValue | undefined>()
  /** Items of lists written again so late that no process knows the items' ids. */
  readonly #forgotten = new Set<JsonValue>()
  readonly #adders = new Map<string, Set<Browser>>()
  readonly #names = new WeakMap<ServerNode, Names>()
  readonly #isJoined: () => boolean
  readonly #isOne: () => boolean

  /** @param isOne whether all processes know a change without a message */
  constructor(isJoined: () => boolean, isOne: () => boolean) {
    this.#isJoined = isJoined
    this.#isOne = isOne
  }

  /** Takes over the ids of changes known to the sender of a message. */
  received(node: ServerNode, { sub, registers }: Received, from: ServerNode | undefined): void {
    const { stamp: newest = 0 } = registers.get(ADDED_TO) ?? {}
    for (const [name, stamp] of from ? this.#namesOf(from) : [])
      if (name.startsWith(`${sub} `) && stamp <= newest) this.#namesOf(node).set(name, stamp)
  }

  /** Notes each change that arrives and, before an answer is judged, notes each accepted change again, with its stamp. */
  arrives(sub: string, [, , id, value]: WireChange, stamp?: number): void {
    const [page, number] = pageOf(id)
    const all = this.#ofPages.get(`${sub} ${page}`) ?? []
    this.#ofPages.set(`${sub} ${page}`, [...all, { number, value, ...(stamp === undefined ? {} : { stamp }) }])
  }

  /** Notes a refused change that only another process has taken. Its page rebases the change, but a closed page cannot. */
  refuses(node: ServerNode, sub: string, [, , id, value]: WireChange): void {
    const name = `${sub} ${id}`
    if (!this.#taken.has(name) || this.#knows(node, name)) return
    note('a change is refused that another process has taken')
    for (const item of itemsOf(value)) this.#retaken.add(item)
  }

  /** @param next the register of the next stamp in the answer's ticket */
  isKnown(sub: string, [, , id]: WireChange, stamp: number, next: Register | undefined): boolean {
    return this.#taken.get(`${sub} ${id}`) === stamp || this.#laterOf(sub, id, stamp, next) !== undefined
  }

  /** Returns an error text if a server must not accept a change with this stamp. */
  fault(
    { node, browser, sub }: { readonly node: ServerNode; readonly browser: Browser; readonly sub: string },
    change: WireChange,
    stamp: number,
    { over, standing: floor, heard, next }: Judged,
  ): string | undefined {
    const [key, , id, value] = change
    const text = JSON.stringify(value)
    // A process may have taken the change, told only the store, and ended.
    const isThere = floor && stamp <= floor.stamp && lacking(value, floor.value) === undefined
    const name = `${sub} ${id}`
    const later = this.#laterOf(sub, id, stamp, next)
    if (later) {
      note('an update is confirmed by a later one of its page')
      // Between unconnected processes, another browser's later value may have replaced the value with the item.
      const isIn = !this.#isJoined() || lacking(itemsOf(value).slice(-1), later.value) === undefined
      return isIn ? undefined : `${key} = ${text} is confirmed by ${JSON.stringify(later.value)}, which lacks its item`
    }
    const isKnown = this.#taken.get(name) === stamp || isThere === true
    const former = this.#taken.get(name) ?? stamp
    if (former !== stamp && !this.#knows(node, name)) {
      note('an update is taken by two processes')
      this.#retaken.add(itemsOf(value).at(-1))
    }
    this.#taken.set(name, stamp)
    const there = this.#written.get(`${sub} ${stamp}`) ?? new Map<string, string>()
    this.#written.set(`${sub} ${stamp}`, there.has(id) ? there : there.set(id, text))
    this.#namesOf(node).set(name, stamp)
    this.#adders.set(sub, new Set(this.#adders.get(sub)).add(browser))
    for (const item of itemsOf(value)) {
      const at = floor && itemsOf(floor.value).includes(item) ? floor.stamp : stamp
      if (!this.#takenAt.has(item)) this.#takenAt.set(item, at)
    }
    note(`an update is ${isKnown ? 'confirmed' : 'taken'}`)
    if (isKnown) return undefined
    const twice = doubled(key, value)
    if (twice !== undefined && !this.mayBeTwice(twice)) return `${key} = ${text} is accepted with ${twice} twice`
    this.#forget(itemsOf(value), stamp)
    if (floor && floor.stamp > over)
      return `${key} = ${text} is applied over ${JSON.stringify(floor)}, not over ${over}`
    const lost = lacking(floor?.value, value)
    return lost === undefined || this.#isAmbiguous(sub, over) || this.#isBehind(node, over, stamp, heard)
      ? undefined
      : `${key} = ${text} is taken, in which ${JSON.stringify(lost)} is lost`
  }

  /** Whether several browsers have added to a subject's list. A restarted process without a store sees only the cookie of one browser. */
  isShared(sub: string): boolean {
    return (this.#adders.get(sub)?.size ?? 0) > 1
  }

  /** Whether an item may be in a list twice because no process may know its id: the processes are not joined, or dropped an old id. */
  mayBeTwice(item: JsonValue): boolean {
    return !this.#isJoined() || this.#forgotten.has(item) || this.#retaken.has(item)
  }

  /** Whether processes disagree about the change that added an item, so updates of the item have the wrong base. */
  isRetaken(item: JsonValue): boolean {
    return this.#retaken.has(item)
  }

  /**
   * Returns a later update of the same page with the next stamp, because a register remembers only the newest id of a page. If a
   * store has taken that change without an answer, only the answer's ticket has its value.
   */
  #laterOf(sub: string, id: string, stamp: number, next: Register | undefined): Numbered | undefined {
    const [page, number] = pageOf(id)
    const isSaid = ({ value }: Numbered): boolean => next !== undefined && sameJson(next.value, value)
    return this.#ofPages
      .get(`${sub} ${page}`)
      ?.find((one) => one.number > number && (one.stamp === stamp + 1 || isSaid(one)))
  }

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
    for (const item of items) if ((this.#takenAt.get(item) ?? now) <= now - REMEMBERED) this.#forgotten.add(item)
  }

  /** Whether several values have this stamp, because unconnected processes may write in the same millisecond; a page may know any. */
  #isAmbiguous(sub: string, stamp: number): boolean {
    return new Set(this.#written.get(`${sub} ${stamp}`)?.values()).size > 1
  }

  /** Whether a slow clock's process may have accepted the change without the page's value from elsewhere, which wins the merge. */
  #isBehind({ line }: ServerNode, over: number, stamp: number, heard: number): boolean {
    const isBehind = stamp <= over && heard < over && line?.isWell !== true
    if (isBehind) note('an update is taken below its base')
    return isBehind
  }
}

interface Addition {
  readonly item: JsonValue
  readonly tab: Tab
  readonly shown: readonly JsonValue[]
}

/** Collects the items that pages add, and returns those that must remain at the end of a schedule. */
export class Additions {
  readonly #all: Addition[] = []
  readonly #isRetaken: (item: JsonValue) => boolean

  /** @param isRetaken whether processes disagree about the change that added an item */
  constructor(isRetaken: (item: JsonValue) => boolean) {
    this.#isRetaken = isRetaken
  }

  add(tab: Tab, item: JsonValue, before: JsonValue | undefined): void {
    this.#all.push({ item, tab, shown: itemsOf(before) })
  }

  /** The items that must remain: not refused, not replaceable by another page's write, not over an item on which processes disagree. */
  get owed(): readonly JsonValue[] {
    const isOwed = (one: Addition): boolean =>
      !this.#isRefused(one) && !this.#all.some((other) => mayGiveWay(one, other)) && !this.#isOverRetaken(one)
    return this.#all.filter(isOwed).map(({ item }) => item)
  }

  /** Whether a server may refuse an item: with an invalid item, it also refuses the other waiting items of the browser's closed pages. */
  #isRefused({ item, tab }: Addition): boolean {
    const isTogether = (other: Addition): boolean =>
      tab.leftAt < Number.POSITIVE_INFINITY && other.tab.browser === tab.browser
    return this.#all.some((other) => !isValidItem(other.item) && (other.item === item || isTogether(other)))
  }

  #isOverRetaken({ tab, shown }: Addition): boolean {
    return tab.leftAt < Number.POSITIVE_INFINITY && shown.some(this.#isRetaken)
  }
}

/** Whether another page's addition may win: a closed page cannot rebase its own, but the browser's next page has its outbox. */
function mayGiveWay({ tab, shown }: Addition, other: Addition): boolean {
  const { browser, leftAt } = tab
  const isNext = other.tab.browser === browser && other.tab.openedAt > leftAt
  return other.tab !== tab && !isNext && !shown.includes(other.item)
}
