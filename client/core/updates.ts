import { sameJson } from '../../shared/json.js'
import { FIRST_SENDING } from '../../shared/protocol.js'
import { settle, want } from './changes.js'
import type { Call, Next, Want } from './state.js'
import { patch, type Turn } from './turn.js'
import { alone, isComputed, shown } from './view.js'

/** The page's caller has a value computed from the one that is shown. */
export function update(turn: Turn, key: string, next: Next, id: number): void {
  compute(turn, key, { id, next }, next)
}

function compute(turn: Turn, key: string, call: Call, next: Next): void {
  try {
    want(turn, key, next(shown(turn, key)), call)
  } catch (error) {
    settle(turn, key, [call], { code: 'invalid_value', error })
  }
}

/** Computes anew what was computed from what is not the newest any more, and has not gone out. */
export function recompute(turn: Turn): void {
  for (const [key, field] of turn.fields) {
    const { wants, over, fallback } = field
    const first = over === undefined && wants[0]?.seen === FIRST_SENDING ? 0 : 1
    const isStale = (want: Want, i: number): boolean => {
      const { value = fallback } = wants[i - 1] ?? field
      return i >= first && isComputed(want.calls) && !('from' in want && sameJson(value, want.from))
    }
    if (!wants.some(isStale)) continue
    patch(turn, key, { wants: wants.slice(0, first) })
    for (const { value, calls } of wants.slice(first))
      for (const call of isComputed(calls) ? calls : alone(calls))
        if (call.next) compute(turn, key, call, call.next)
        else want(turn, key, value, call)
    patch(turn, key, { refused: field.refused })
  }
}

/** As functions do not outlive a page, what was computed goes on as a value that was set over the same stamp. */
export function freeze(turn: Turn): void {
  for (const [key, { at, over = at, wants }] of turn.fields) {
    const [first] = wants
    if (!first || !wants.some(({ calls }) => isComputed(calls))) continue
    const known = first.seen === FIRST_SENDING ? over : first.seen
    const seen = isComputed(first.calls) ? known : FIRST_SENDING
    const plain = (want: Want): Want => (isComputed(want.calls) ? { ...want, seen, calls: alone(want.calls) } : want)
    patch(turn, key, { wants: wants.map(plain) })
  }
}
