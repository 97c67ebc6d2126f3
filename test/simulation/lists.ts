import { sameJson } from '../../shared/json.js'
import { isNewer, type Register } from './registers.js'

/** What a change of a key finds. */
export interface Met {
  /** What the server knew at the least. */
  readonly floor: Register | undefined
  /** The same, once the tickets that come with the change are merged. */
  readonly standing: Register | undefined
  /** The stamp of what the page had heard. */
  readonly heard: number
  /** Which generation of the values counted there. */
  readonly generation: number
}

/** What became of the change of the same key before it in the same exchange. */
export type Before = 'refused' | Register | undefined

const NOTHING: Met = { floor: undefined, standing: undefined, heard: 0, generation: 0 }

/** A change of a list meets the one before it. */
export function metAfter({ floor, standing, ...others }: Met = NOTHING, before: Before): Met {
  const newest = (known: Register | undefined): Register | undefined =>
    before && before !== 'refused' && isNewer(before, known) ? before : known
  return { floor: newest(floor), standing: newest(standing), ...others }
}

/** What a change of a list may go over: also the one before it, where that is the newest, with the very value that was said. */
export function overOf(base: number, before: Before, standing: Register | undefined): number {
  if (base < 0 || !before || before === 'refused') return base
  const isNewest = standing?.stamp === before.stamp && sameJson(standing.value, before.value)
  return isNewest ? Math.max(base, before.stamp) : base
}
