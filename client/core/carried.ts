import { anew, ownOf, settle } from './changes.js'
import type { Call } from './state.js'
import { patch, type Turn } from './turn.js'
import { isComputed, kindOf, unsent } from './view.js'

/** These values are another visitor's now: nothing of this is theirs. What a caller here has set is kept where it may be. */
export function forget(turn: Turn, isCarried: boolean, isSameSub: boolean): void {
  const former = [...turn.fields]
  turn.fields.clear()
  for (const [key, field] of former) {
    const own = ownOf(field)
    // What the account may have taken is not computed once more.
    const isKept = (call: Call): boolean =>
      !isSameSub || !isComputed(own) || unsent(field)?.calls.includes(call) === true
    const wants = isCarried ? anew(field, own.filter(isKept)) : []
    patch(turn, key, { fallback: field.fallback, wants })
    const calls = wants.flatMap((want) => want.calls)
    settle(
      turn,
      key,
      own.filter((call) => !calls.includes(call)),
      { code: 'superseded' },
    )
  }
}

/** Whether what was set under a former id goes along is to be asked: its guest may have left while the page heard nothing of it. */
export function doubt(turn: Turn, former: string | undefined, browser: string | undefined): void {
  const hasWants = [...turn.fields.values()].some(({ wants }) => wants.length > 0)
  const all = hasWants && former !== undefined ? [...turn.doubts, former] : []
  turn.doubts = all.filter((id) => id !== browser)
}

/** It is known of a browser id whether it was given up: what was set under it is the next visitor's, or not. */
export function decide(turn: Turn, id: string, isGivenUp: boolean | undefined): void {
  turn.doubts = isGivenUp ? [] : turn.doubts.filter((one) => one !== id)
  if (!isGivenUp) return
  for (const [key, field] of turn.fields) {
    settle(turn, key, ownOf(field), { code: 'superseded' })
    patch(turn, key, { wants: [] })
  }
  if (turn.page.identity) turn.effects.push(['visitor', kindOf(turn.page.identity)])
}
