import { FIRST_SENDING } from '../../shared/protocol.js'
import { anew, ownOf, settle } from './changes.js'
import { patch, type Turn } from './turn.js'
import { isComputed, kindOf, unsent } from './view.js'

/** These values are another visitor's now: nothing of this is theirs. What a caller here has set is kept where it may be. */
export function forget(turn: Turn, isCarried: boolean, former: string | undefined, next: string): void {
  const fields = [...turn.fields]
  turn.fields.clear()
  for (const [key, field] of fields) {
    const own = ownOf(field)
    const fresh = unsent(field)?.calls ?? []
    const calls = own.map((call) => (fresh.includes(call) ? call : { ...call, of: `${call.of ?? ''} ${former}` }))
    // What the next visitor may have taken before is not computed once more.
    const kept = isComputed(own) ? calls.filter(({ of = '' }) => !of.includes(next)) : calls
    // Stamps of another subject say nothing of what this one has.
    const first = former === next ? {} : { seen: FIRST_SENDING }
    const wants = isCarried ? anew(field, kept).map((want) => ({ ...want, ...first })) : []
    const left = wants[0]?.calls ?? []
    const lost = calls.filter((call) => !left.includes(call))
    const code = 'superseded'
    settle(turn, key, lost, { code })
    // Of another visitor's coming the page is told.
    patch(turn, key, { fallback: field.fallback, wants, refused: isCarried && lost[0] ? code : undefined })
  }
}

/** Whether what was set under a former id goes along is to be asked: its guest may have left while the page heard nothing of it. */
export function doubt(turn: Turn, former: string | undefined, browser: string | undefined): void {
  const hasWants = [...turn.fields.values()].some(({ wants }) => wants.length > 0)
  const all = former ? [...turn.doubts, former] : turn.doubts
  turn.doubts = hasWants ? all.filter((id) => id !== browser) : []
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
