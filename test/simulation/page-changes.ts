import { type JsonValue, sameJson } from '../../shared/json.js'
import type { Sync, SyncAnswer } from '../../shared/protocol.js'
import { itemsOf } from './baskets.js'
import { ADDED_TO } from './builds.js'
import type { Tab } from './tab.js'
import { note } from './tally.js'
import { leadsTo, type Whose } from './whos.js'

/** The page's possible visitors at the time of a change. */
export class Origins {
  /** By value, as JSON. */
  readonly #all = new Map<string, readonly Whose[]>()

  add(value: JsonValue | undefined, owners: readonly Whose[]): void {
    if (value !== undefined) this.#all.set(JSON.stringify(value), owners)
  }

  /** Undefined if no page has set it. */
  of(value: JsonValue | undefined): readonly Whose[] | undefined {
    return this.#all.get(JSON.stringify(value))
  }

  /** Returns the fault of a value that belongs to another visitor than its own. */
  stray(
    key: string,
    value: JsonValue | undefined,
    target: Whose,
    isNews: (item: JsonValue) => boolean,
  ): string | undefined {
    const parts = key === ADDED_TO ? itemsOf(value).flatMap((item) => (isNews(item) ? [[item]] : [])) : [value]
    const isStray = (part: JsonValue | undefined): boolean => {
      const owners = this.of(part)
      if (!owners || owners.length === 0 || owners.some((one) => leadsTo(one, target))) return false
      // An ended process may have taken the change before its answer.
      return !(key === ADDED_TO && target.user !== undefined && owners.some(({ user }) => user === target.user))
    }
    const part = parts.find(isStray)
    if (part === undefined) return undefined
    return `${key} = ${JSON.stringify(part)} applied for ${JSON.stringify(target)}, not ${JSON.stringify(this.of(part))}`
  }
}

interface Sending {
  sent: number
  heard: number
  /** The stamp of the newer value, if refused after a possible arrival. */
  overtakenAt: number | undefined
}

/** How often pages send a set value; baskets track computed values. */
export class Sendings {
  /** By value, as JSON. */
  readonly #all = new Map<string, Sending>()

  fault({ set = [] }: Sync): string | undefined {
    for (const [, over, id, value] of set) {
      // A late arrival must name its base.
      if (over < 0) return `sends ${JSON.stringify(value)} without a base stamp`
      if (id !== '' || value === undefined) continue
      const sending = this.#of(value)
      sending.sent += 1
      if (sending.overtakenAt !== undefined && over >= sending.overtakenAt)
        return `resends ${JSON.stringify(value)}, overtaken after it may have arrived`
    }
    return undefined
  }

  hears({ set = [] }: Sync, results: SyncAnswer['results'] = []): void {
    for (const [index, [, , id, value]] of set.entries()) {
      if (id !== '' || value === undefined) continue
      const sending = this.#of(value)
      sending.heard += 1
      const result = results[index]
      if (!result || !('code' in result) || result.stamp === undefined || sending.sent === sending.heard) continue
      note('what was sent again is overtaken')
      sending.overtakenAt = result.stamp
    }
  }

  hasNotArrived(value: unknown): boolean {
    const { sent, heard } = this.#of(value)
    return sent > 0 && sent === heard
  }

  #of(value: unknown): Sending {
    const text = JSON.stringify(value)
    const sending = this.#all.get(text) ?? { sent: 0, heard: 0, overtakenAt: undefined }
    this.#all.set(text, sending)
    return sending
  }
}

export type Values = ReadonlyMap<string, JsonValue>

interface Group {
  readonly tab: Tab
  readonly values: Values
  isSent: boolean
}

/** Checks the common sending and writing of values set together. */
export class Together {
  readonly #groups: Group[] = []

  sets(tab: Tab, values: Values): void {
    if (values.size > 1) this.#groups.push({ tab, values, isSent: false })
  }

  /** Returns the fault of a sync with part of a group. */
  fault(tab: Tab, { set = [] }: Sync): string | undefined {
    const has = (key: string, value: JsonValue): boolean =>
      set.some(([one, , , other]) => one === key && sameJson(other, value))
    for (const group of this.#groups) {
      const { values } = group
      if (group.isSent || group.tab !== tab || ![...values].some(([key, value]) => has(key, value))) continue
      group.isSent = true
      note('what was set together goes out')
      // A replaced value need not be sent.
      const left = [...values].filter(
        ([key, value]) => !has(key, value) && tab.drafts.get(key) === JSON.stringify(value),
      )
      if (left.length > 0) return `sends ${JSON.stringify([...values])} without ${JSON.stringify(left)}`
      const names = new Set(
        set
          .filter(([key, , , value]) => values.has(key) && sameJson(values.get(key), value))
          .map(([, , , , name]) => name),
      )
      if (names.size > 1 || names.has(undefined))
        return `sends ${JSON.stringify([...values])} in ${JSON.stringify([...names])}`
    }
    return undefined
  }
}

/** Returns the fault of a group: its changes must be taken with the same stamp, or not at all. */
export function tornApart(set: NonNullable<Sync['set']>, results: SyncAnswer['results']): string | undefined {
  const fates = new Map<string, number | undefined>()
  for (const [index, [, over, , , name]] of set.entries()) {
    const result = results[index]
    // A resent change keeps its first stamp, and may be superseded.
    if (name === undefined || over >= 0 || !result) continue
    const fate = 'code' in result ? undefined : result.stamp
    if (fates.has(name) && fates.get(name) !== fate)
      return `a change of the group ${name} became ${fates.get(name)}, another ${fate}`
    if (fate !== undefined) note('what was set together is taken')
    fates.set(name, fate)
  }
  return undefined
}
