import { type JsonValue, sameJson } from '../../shared/json.js'
import type { PageAnswer, PageMessage } from '../../shared/protocol.js'
import { itemsOf } from './baskets.js'
import { ADDED_TO } from './builds.js'
import type { Tab } from './tab.js'
import { note } from './tally.js'
import { leadsTo, type Whose } from './whos.js'

/** The possible visitors of a page when it set a value. */
export class Origins {
  /** By value, as JSON. */
  readonly #all = new Map<string, readonly Whose[]>()

  add(value: JsonValue | undefined, owners: readonly Whose[]): void {
    if (value !== undefined) this.#all.set(JSON.stringify(value), owners)
  }

  /** Undefined if no page has set the value. */
  of(value: JsonValue | undefined): readonly Whose[] | undefined {
    return this.#all.get(JSON.stringify(value))
  }

  /** Returns an error text if a value was applied for another visitor than its page had. */
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
  /** The stamp of the newer value, if the value was refused while an earlier sending may still arrive. */
  overtakenAt: number | undefined
}

/** Counts how often pages send a set value; `Baskets` judges updates. */
export class Sendings {
  /** By value, as JSON. */
  readonly #all = new Map<string, Sending>()

  fault({ set = [] }: PageMessage): string | undefined {
    for (const [, over, id, value] of set) {
      // Each change must name its base, because it may arrive late.
      if (over < 0) return `sends ${JSON.stringify(value)} without a base stamp`
      if (id !== '' || value === undefined) continue
      const sending = this.#of(value)
      sending.sent += 1
      if (sending.overtakenAt !== undefined && over >= sending.overtakenAt)
        return `resends ${JSON.stringify(value)}, overtaken after it may have arrived`
    }
    return undefined
  }

  hears({ set = [] }: PageMessage, results: PageAnswer['results'] = []): void {
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

/** Checks that a page sends the values of a call together, as a group. */
export class Together {
  readonly #groups: Group[] = []

  sets(tab: Tab, values: Values): void {
    if (values.size > 1) this.#groups.push({ tab, values, isSent: false })
  }

  /** Returns an error text if a message has only a part of the values set together. */
  fault(tab: Tab, { set = [] }: PageMessage): string | undefined {
    const has = (key: string, value: JsonValue): boolean =>
      set.some(([one, , , other]) => one === key && sameJson(other, value))
    for (const group of this.#groups) {
      const { values } = group
      if (group.isSent || group.tab !== tab || ![...values].some(([key, value]) => has(key, value))) continue
      group.isSent = true
      note('what was set together goes out')
      // A replaced value need not be sent.
      const left = [...values].filter(
        ([key, value]) => !has(key, value) && tab.pending.get(key) === JSON.stringify(value),
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

/** Returns an error text if the changes of a group were neither all taken with the same stamp nor all refused. */
export function tornApart(set: NonNullable<PageMessage['set']>, results: PageAnswer['results']): string | undefined {
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
