// The state of a page.

import type { JsonValue } from '../../shared/json.js'
import type { PageMessage } from '../../shared/protocol.js'
import type { TimerName } from './events.js'
import { ensureKey, type PageKeys, reuseShown } from './key-state.js'
import type { PageVisitor } from './public.js'

export type Plain = Readonly<Record<string, JsonValue>>

export interface Page extends PageKeys {
  /** The visitor, as an opaque string from the server; undefined if unknown, or if the browser keeps no cookie. */
  who?: string | undefined
  /**
   * `new`: a guest whose cookie no request has proved. `''`: the page must ask, because the browser may have withheld its cookie from the
   * request for the HTML. Undefined without a snapshot.
   */
  kind?: 'new' | 'guest' | 'user' | '' | undefined
  /**
   * `accepted`: a request has proved that the browser keeps this visitor's cookie. `blocked`: there is no consent to cookies, or all
   * questions were in vain. Undefined if unknown.
   */
  cookie?: 'accepted' | 'blocked' | undefined
  /**
   * State of the socket. `none`: there is no socket. `down`: not connected, or connected as another visitor. `up`: connected, not yet asked
   * for its visitor. `greeting`: asked, or answered without the cookie. `greeted`: the answer named this page's visitor.
   */
  socket: 'none' | 'down' | 'up' | 'greeting' | 'greeted'
  /**
   * True after a question that had the cookie, until a connection has the cookie or a POST lacks it. While true, a greeting without the
   * cookie proves that handshakes lack it, and a refused socket does not prove that cookies are blocked.
   */
  postHasCookie?: boolean | undefined
  /** Whether the page must request its missing cookie by a POST of `{}`. */
  mustAsk?: boolean | undefined
  /** The browser's stored visitor, as the page last read it. */
  look?: string | undefined
  /** Counts how often the stored visitor has made the page hide its values, to end loops. Reset by the timer `renew`. */
  doubts: number
  /** Counts answered questions and dropped POSTs, to end loops. Reset by an accepted POST, `wake`, another tab and `renew`'s end. */
  questions: number
  /** Whether values are the visitor's: false before HTML or a greeting brings values, and while a restored page asks for its visitor. */
  isReady: boolean
  /** The POST in flight. While the page waits for the lock, `isQueued` is set instead. */
  postInFlight?: PageMessage | undefined
  isQueued?: boolean
  /** Whether the visitor has used the page after `renew` seconds without an accepted POST of this browser: the cookie may expire. */
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
  /** The new visitor, until the app is told: not while the page unloads, because a reload by the app would cancel the navigation. */
  newVisitor?: PageVisitor | undefined
  /** The text of `embed()`, or `initial`, that the page has last read. */
  html?: unknown
  /** The outbox of this tab, as stored; undefined without `keepTab`. */
  tab?: string
  /** Called after each event; undefined without `keepTab`, whose code apps need not load. */
  followTab?: ((page: Page) => void) | undefined
  readonly timers: Set<TimerName>
}

export function setDefaults(page: Page, defaults: Plain = {}): void {
  for (const key in defaults) {
    const state = ensureKey(page, key)
    state.fallback = reuseShown(state, defaults[key])
  }
}
