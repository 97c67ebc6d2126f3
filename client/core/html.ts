// Begins a page from its HTML, and merges newer HTML.

import { type AnySnapshot, RENEWAL } from '../../shared/protocol.js'
import { startTimer } from './events.js'
import { ensureKey, merge } from './key-state.js'
import { type Page, type Plain, setDefaults } from './page.js'
import { markSaved } from './saved.js'
import { scheduleExpiry } from './tickets.js'

type Initial = Partial<Omit<AnySnapshot, 'defaults'>> & { readonly defaults?: Plain | undefined }

/** Parses the text of `embed()`. Returns undefined while the rest of the text is still arriving. */
export function parseHtml(text: string): AnySnapshot | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Begins the page of a client.
 *
 * @param html the text of `embed()`, or `initial`
 * @param former the page of the former client in this document: its newer values stay
 */
export function beginPage(
  initial: AnySnapshot | Plain | undefined,
  hasSocket: boolean,
  html?: unknown,
  former?: Page,
): Page {
  // Plain values have no stamps and count as older than any write, so they serve as defaults.
  const snapshot: Initial = isSnapshot(initial) ? initial : { defaults: initial }
  const { who, persisted, renew = RENEWAL, defaults } = snapshot
  const page: Page = {
    who,
    kind: kindOf(snapshot),
    keys: new Map(),
    cookie: persisted && 'accepted',
    socket: hasSocket ? 'down' : 'none',
    questions: 0,
    doubts: 0,
    isReady: !!initial,
    renew,
    failures: 0,
    timeouts: 0,
    subs: new Set(),
    now: NaN,
    html,
    timers: new Set(),
    effects: [],
  }
  // The visitor may have changed since this HTML was made: then only the former page knows the visitor.
  if (former && (former.html === html || (who && who === former.who))) continuePage(page, former)
  else page.mustAsk = former && who !== former.who
  setDefaults(page, defaults)
  if (page.who === who) mergeSnapshot(page, snapshot)
  return page
}

/** Merges the values of the page's HTML, or of newer HTML in its document. */
export function mergeSnapshot(page: Page, { values, stamps = {}, deleted, unsaved, expiries }: Initial): void {
  for (const [key, stamp] of Object.entries(stamps)) {
    const state = ensureKey(page, key)
    // In newer HTML, values with `scope: 'tab'` may be another tab's.
    if (state.isTab || stamp <= state.stamp) continue
    merge(state, stamp, deleted?.includes(key) ? undefined : values?.[key])
    if (unsaved?.includes(key)) continue
    state.persisted = stamp
    markSaved(page, state, stamp)
  }
  scheduleExpiry(page, expiries)
}

/** Copies the visitor and the values of the former client's page. Its pending mutations come from the outbox instead. */
function continuePage(page: Page, { who, kind, cookie, isReady, keys }: Page): void {
  // If `mustAsk` were undefined, `begin` would store this visitor, although another tab may have proved a newer one.
  Object.assign(page, { who, kind, cookie, isReady, mustAsk: false })
  for (const [key, state] of keys) {
    page.keys.set(key, { ...state, changes: [] })
    if (state.expiryStamp > state.stamp) startTimer(page, `:${key}`, state.msLeft)
  }
}

function kindOf({ guest, persisted, who, stamps }: Initial): Page['kind'] {
  if (guest) return persisted ? 'guest' : 'new'
  if (who) return 'user'
  return stamps && ''
}

export function isSnapshot(initial: AnySnapshot | Plain | undefined): initial is AnySnapshot {
  return !!(initial?.['stamps' satisfies keyof AnySnapshot] && initial['values' satisfies keyof AnySnapshot])
}
