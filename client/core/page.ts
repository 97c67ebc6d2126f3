import type { JsonValue } from '../../shared/json.js'
import type { AnySnapshot, Ends, Sync } from '../../shared/protocol.js'
import { NEVER } from '../../shared/stamp.js'
import { act } from './act.js'
import { fieldOf, type Keys, merge, same } from './field.js'
import type { PageVisitor, TimerName } from './messages.js'

type Plain = Readonly<Record<string, JsonValue>>
type Said = Partial<Omit<AnySnapshot, 'defaults'>> & { readonly defaults?: Plain | undefined }

/** The state of a page. */
export interface Page extends Keys {
  /** Whose page it is, as the server says; undefined if that is not known, or if the browser keeps no cookie. */
  who?: string | undefined
  /** Undefined if it is not known; `''` if the server did not know it either, as the browser may have withheld its cookie: the page asks. */
  kind?: 'guest' | 'user' | '' | undefined
  /** The browser has shown its cookie. */
  isKept: boolean
  /**
   * State of the socket. `none`: there is no socket. `down`: not connected, or connected as another visitor. `up`: not asked yet whose page this
   * is. `greeting`: asked. `greeted`: it has answered that it is this visitor's.
   */
  reach: 'none' | 'down' | 'up' | 'greeting' | 'greeted'
  /** The cookie is missing, and a POST of `{}` is to get it. */
  isAsking?: boolean
  /** Consecutive answers to such POSTs whose requests brought no cookie. -2: that to the one in flight does not count. */
  tries: number
  /** Questions and dropped POSTs since a POST was last taken, or since the `renew` timer last fired: they must not go on forever. */
  asks: number
  /** Whether the values are known to be the visitor's: not before the first greeting, nor while a page that is shown again asks whose it is. */
  isReady: boolean
  /** The POST in flight. While it waits for its turn among the tabs, `isQueued` is set instead. */
  posted?: Sync | undefined
  isQueued?: boolean
  /** The page is in use, and no POST of its browser was taken for `renew` seconds: its cookie may expire. */
  isDue?: boolean
  renew: number
  /** The newest POST got no answer from our server. */
  isOffline?: boolean
  /** Failures of any kind since a POST was last answered and not refused. */
  failures: number
  /** Exchanges without an answer since a connection last answered a change. */
  silences: number
  /** The subjects that its visitor's greetings have named; none before the first one. */
  readonly subs: Set<string>
  /** The server's time in ms when it signed the newest ticket; NaN before the first one. */
  now: number
  isLeft?: boolean
  /** Another visitor, of whom the app is told unless it leaves the page: a reload would cancel the form's navigation that signs in. */
  untold?: PageVisitor | undefined
  /** When values of its HTML end, counted from the first event. */
  readonly ends: Ends | undefined
  /** The timers that are running. */
  readonly timers: Set<TimerName>
}

/** Seconds after which a page in use POSTs, unless the server says otherwise. */
export const RENEWAL = 300

/** Returns a page as its HTML describes it, before any event. */
export function beginPage(initial: AnySnapshot | Plain | undefined, hasSocket: boolean): Page {
  // Values without stamps are older than anything: like defaults, they count only while nothing else is known.
  const said: Said = isSnapshot(initial) ? initial : { defaults: initial }
  const { who, guest, held, renew = RENEWAL, values, defaults, stamps, deleted, unsaved, ends } = said
  const page: Page = {
    who,
    kind: guest ? 'guest' : who ? 'user' : stamps && '',
    fields: new Map(),
    isKept: !!held,
    reach: hasSocket ? 'down' : 'none',
    tries: 0,
    asks: 0,
    isReady: !!initial,
    renew,
    failures: 0,
    silences: 0,
    subs: new Set(),
    now: NaN,
    ends,
    timers: new Set(),
    effects: [],
  }
  setDefaults(page, defaults)
  for (const [key, stamp] of Object.entries(stamps ?? {})) {
    const field = fieldOf(page, key)
    merge(field, stamp, deleted?.includes(key) ? undefined : values?.[key])
    field.proof = field.held = unsaved?.includes(key) ? NEVER : stamp
  }
  return page
}

export function isSnapshot(initial: AnySnapshot | Plain | undefined): initial is AnySnapshot {
  return typeof initial?.['stamps'] === 'object' && typeof initial['values'] === 'object'
}

export function setDefaults(page: Page, defaults: Plain = {}): void {
  for (const key in defaults) {
    const field = fieldOf(page, key)
    field.fallback = same(field, defaults[key])
  }
}

export function start(page: Page, name: TimerName, ms: number, spread: number = 0): void {
  page.timers.add(name)
  act(page, 'timer', name, ms, spread)
}

/** Returns whether the browser keeps no cookie. */
export function isBlocked({ tries }: Page): boolean {
  return tries > 1
}
