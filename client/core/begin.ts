import type { JsonValue } from '../../shared/json.js'
import type { AnySnapshot } from '../../shared/protocol.js'
import { merge, setDefaults } from './changes.js'
import type { State } from './state.js'
import { beginTurn, patch } from './turn.js'
import { ownerOf } from './view.js'

type Plain = Readonly<Record<string, JsonValue>>

/** A page before anything has happened, with what its HTML says. */
export function beginPage(initial: AnySnapshot | Plain | undefined, hasSocket: boolean): State {
  const turn = beginTurn({
    page: { is: 'new' },
    link: hasSocket ? 'down' : 'none',
    posting: { is: 'idle' },
    subjects: [],
    fields: new Map(),
    isDue: false,
    isReady: initial !== undefined,
    told: [],
    timers: new Set(),
    isUnreachable: false,
    isHeard: true,
    cookieless: undefined,
    failures: 0,
    moves: 0,
    doubts: [],
  })
  // Values without stamps are older than anything: they stand where nothing else is known, as a default does.
  if (!initial || !isSnapshot(initial)) setDefaults(turn, initial)
  else {
    const { subject, browser, young, values, defaults, stamps, deleted = [], unsaved = [] } = initial
    const identity = { ...initial, sub: subject }
    setDefaults(turn, defaults)
    for (const [key, stamp] of Object.entries(stamps)) {
      merge(turn, key, stamp, deleted.includes(key) ? undefined : values[key])
      patch(turn, key, { is: unsaved.includes(key) ? 'held' : 'saved', stamp })
    }
    turn.subjects = [ownerOf(identity), ...(browser ? [ownerOf({ sub: browser, epoch: 0 })] : [])]
    // The cookie of a young one may be the first, and was not seen coming back.
    const isKnown = browser && !young
    turn.page = { is: isKnown ? 'known' : 'new', identity }
  }
  const { effects: _, ...state } = turn
  return state
}

export function isSnapshot(initial: AnySnapshot | Plain): initial is AnySnapshot {
  return typeof initial['stamps'] === 'object' && typeof initial['values'] === 'object'
}
