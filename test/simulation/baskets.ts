import type { JsonValue } from '../../shared/json.js'
import type { WireChange } from '../../shared/protocol.js'
import { ADDED_TO } from './builds.js'
import type { Register } from './registers.js'
import { note } from './tally.js'

/** What a server has taken. */
interface Taken {
  readonly stamp: number
  readonly text: string
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
  /** By subject and id. */
  readonly #taken = new Map<string, Taken>()

  /** Whether a server has said of this before that it was taken. */
  isKnown(sub: string, [, , , id = 0]: WireChange, stamp: number): boolean {
    return this.#taken.get(`${sub} ${Math.abs(id)}`)?.stamp === stamp
  }

  /**
   * A server says that it has one, under that stamp. Says what is wrong with it.
   *
   * @param floor what the server knew at the least
   */
  fault(sub: string, change: WireChange, stamp: number, floor: Register | undefined): string | undefined {
    const [key, seen, value, id = 0] = change
    const name = `${sub} ${Math.abs(id)}`
    const taken = this.#taken.get(name)
    const text = JSON.stringify(value)
    if (taken?.stamp === stamp) {
      note('a computed value is confirmed')
      return undefined
    }
    // A process that does not know of it may take it once more as it is: that adds nothing.
    if (taken && taken.text !== text) return `${key} = ${text} is taken, and was before as ${taken.text}`
    this.#taken.set(name, { stamp, text })
    note('a computed value is taken')
    if (floor && floor.stamp > seen) return `${key} = ${text} is taken over ${JSON.stringify(floor)}, not over ${seen}`
    const lost = lacking(floor?.value, value)
    return lost === undefined || this.#isAmbiguous(sub, seen)
      ? undefined
      : `${key} = ${text} is taken, in which ${JSON.stringify(lost)} is lost`
  }
  /** Two processes that nothing connects may each take one in the same millisecond: the stamp does not say which of them a page knows. */
  #isAmbiguous(sub: string, stamp: number): boolean {
    const all = [...this.#taken].filter(([name, taken]) => name.startsWith(`${sub} `) && taken.stamp === stamp)
    return new Set(all.map(([, { text }]) => text)).size > 1
  }
}
