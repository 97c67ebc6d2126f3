// The state of a page, created from its HTML.

import type { JsonValue } from '../../shared/json.js'
import { type AnySnapshot, type Expiries, type PageMessage, RENEWAL } from '../../shared/protocol.js'
import { NEVER } from '../../shared/stamp.js'
import type { PageVisitor, TimerName } from './events.js'
import { ensureKey, merge, type PageKeys, reuseShown } from './key-state.js'

type Plain = Readonly<Record<string, JsonValue>>
type Initial = Partial<Omit<AnySnapshot, 'defaults'>> & { readonly defaults?: Plain | undefined }

export interface Page extends PageKeys {
  /** The visitor, as an opaque string from the server; undefined if unknown, or if the browser keeps no cookie. */
  who?: string | undefined
  /**
   * `new`: a guest whose cookie no request has proved. Undefined without a snapshot; `''` if the server did not know the visitor,
   * because the browser may have withheld its cookie: then the page asks.
   */
  kind?: 'new' | 'guest' | 'user' | '' | undefined
  /**
   * `accepted`: a request has proved that the browser keeps this visitor's cookie. `blocked`: there is no consent to cookies, or all questions
   * were in vain. Undefined if unknown.
   */
  cookie?: 'accepted' | 'blocked' | undefined
  /**
   * State of the socket. `none`: there is no socket. `down`: not connected, or connected as another visitor. `up`: connected, not yet asked
   * for its visitor. `greeting`: asked. `greeted`: the answer named this page's visitor.
   */
  socket: 'none' | 'down' | 'up' | 'greeting' | 'greeted'
  /** Whether the page must request its missing cookie by a POST of `{}`. */
  mustAsk?: boolean
  /** Counts answered questions and dropped POSTs, to end loops. Reset by an accepted POST, a wake, another tab or the end of `renew`. */
  questions: number
  /** Whether the values are the visitor's: false before the HTML or a greeting brings values, and while a restored page asks for `who`. */
  isReady: boolean
  /** The POST in flight. While the page waits for the lock, `isQueued` is set instead. */
  postInFlight?: PageMessage | undefined
  isQueued?: boolean
  /** Whether the visitor uses the page, but no POST of the browser was accepted for `renew` seconds: the cookie may expire. */
  mustRenew?: boolean
  /** Seconds after which a page in use POSTs to renew its cookie. */
  renew: number
  /** Whether the newest POST got no answer from our server. */
  isOffline?: boolean
  /** Failures of any kind since the last successful POST, for the backoff. */
  failures: number
  /** Timeouts of the socket since a connection last answered a change. */
  timeouts: number
  /** The subjects named in the visitor's greetings. */
  readonly subs: Set<string>
  /** The server's time in ms at the signature of the newest ticket; NaN before the first. */
  now: number
  /** Whether the visitor has left the page: its last POST is sent or unnecessary. */
  isLeft?: boolean
  /** The new visitor, not announced to the app yet: while the page unloads, a reload by the app would cancel the sign-in's navigation. */
  newVisitor?: PageVisitor | undefined
  /** The expiry times of values in the HTML, counted from the event `begin`. */
  readonly expiries: Expiries | undefined
  readonly timers: Set<TimerName>
}

export function beginPage(initial: AnySnapshot | Plain | undefined, hasSocket: boolean): Page {
  // Plain values have no stamps, and are older than any write, so they serve as defaults.
  const snapshot: Initial = isSnapshot(initial) ? initial : { defaults: initial }
  const { who, persisted, renew = RENEWAL, values, defaults, stamps, deleted, unsaved, expiries } = snapshot
  const page: Page = {
    who,
    kind: kindOf(snapshot),
    keys: new Map(),
    cookie: persisted && 'accepted',
    socket: hasSocket ? 'down' : 'none',
    questions: 0,
    isReady: !!initial,
    renew,
    failures: 0,
    timeouts: 0,
    subs: new Set(),
    now: NaN,
    expiries,
    timers: new Set(),
    effects: [],
  }
  setDefaults(page, defaults)
  for (const [key, stamp] of Object.entries(stamps ?? {})) {
    const state = ensureKey(page, key)
    merge(state, stamp, deleted?.includes(key) ? undefined : values?.[key])
    state.settled = state.persisted = unsaved?.includes(key) ? NEVER : stamp
  }
  return page
}

function kindOf({ guest, persisted, who, stamps }: Initial): Page['kind'] {
  if (guest) return persisted ? 'guest' : 'new'
  if (who) return 'user'
  return stamps && ''
}

export function isSnapshot(initial: AnySnapshot | Plain | undefined): initial is AnySnapshot {
  return (
    typeof initial?.['stamps' satisfies keyof AnySnapshot] === 'object' &&
    typeof initial['values' satisfies keyof AnySnapshot] === 'object'
  )
}

export function setDefaults(page: Page, defaults: Plain = {}): void {
  for (const key in defaults) {
    const state = ensureKey(page, key)
    state.fallback = reuseShown(state, defaults[key])
  }
}
