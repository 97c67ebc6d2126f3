import { type JsonValue, sameJson } from '../../shared/json.js'
import type { Sync, SyncAnswer } from '../../shared/protocol.js'
import type { Tab } from './tab.js'
import { note } from './tally.js'

/** What a page has set in one call, by key. */
export type Values = ReadonlyMap<string, JsonValue>

interface Group {
  readonly tab: Tab
  readonly values: Values
  isSent: boolean
}

/** What pages set together goes out together, and is written together. */
export class Together {
  readonly #groups: Group[] = []

  sets(tab: Tab, values: Values): void {
    if (values.size > 1) this.#groups.push({ tab, values, isSent: false })
  }

  /** It goes out for the first time. Says what is wrong with that. */
  fault(tab: Tab, { set = [] }: Sync): string | undefined {
    const has = (key: string, value: JsonValue): boolean =>
      set.some(([one, , , other]) => one === key && sameJson(other, value))
    for (const group of this.#groups) {
      const { values } = group
      if (group.isSent || group.tab !== tab || ![...values].some(([key, value]) => has(key, value))) continue
      group.isSent = true
      note('what was set together goes out')
      // One that the page has set anew since need not go out any more.
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

/** Says what is wrong with what became of groups that went out for the first time: those of one are taken with one stamp, or none of them. */
export function tornApart(set: NonNullable<Sync['set']>, results: SyncAnswer['results']): string | undefined {
  const fates = new Map<string, number | undefined>()
  for (const [index, [, over, , , name]] of set.entries()) {
    const result = results[index]
    // One that may have come before has the stamp that it got then, and may be overtaken.
    if (name === undefined || over >= 0 || !result) continue
    const fate = 'code' in result ? undefined : result.stamp
    if (fates.has(name) && fates.get(name) !== fate)
      return `of the group ${name} one became ${fates.get(name)}, another ${fate}`
    if (fate !== undefined) note('what was set together is taken')
    fates.set(name, fate)
  }
  return undefined
}
