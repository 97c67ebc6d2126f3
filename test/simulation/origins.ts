import type { JsonValue } from '../../shared/json.js'
import { itemsOf } from './baskets.js'
import { ADDED_TO } from './builds.js'
import { leadsTo, type Whose } from './whos.js'

/** Of whom a page was, as far as it had been told, when it set a value. */
export class Origins {
  /** By value as JSON. */
  readonly #all = new Map<string, readonly Whose[]>()

  add(value: JsonValue | undefined, owners: readonly Whose[]): void {
    if (value !== undefined) this.#all.set(JSON.stringify(value), owners)
  }

  /** None where no page has set it. */
  of(value: JsonValue | undefined): readonly Whose[] | undefined {
    return this.#all.get(JSON.stringify(value))
  }

  /**
   * What of a value became a visitor's, and was not set as that one.
   *
   * @param isNews whether that visitor did not have an item of a list before, to which the page has only added
   */
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
      // A process may have taken it, and have ended before it said so.
      return !(key === ADDED_TO && target.user !== undefined && owners.some(({ user }) => user === target.user))
    }
    const part = parts.find(isStray)
    if (part === undefined) return undefined
    return `${key} = ${JSON.stringify(part)} taken for ${JSON.stringify(target)}, not ${JSON.stringify(this.of(part))}`
  }
}
