import type { JsonValue } from '../../shared/json.js'
import type { AnySnapshot, Sync } from '../../shared/protocol.js'
import { NEVER } from '../../shared/stamp.js'
import { act } from './act.js'
import { fieldOf, type Keys, merge, same } from './field.js'
import type { TimerName } from './messages.js'

type Plain = Readonly<Record<string, JsonValue>>
type Said = Partial<Omit<AnySnapshot, 'defaults'>> & { readonly defaults?: Plain | undefined }

/** All that a page knows. */
export interface Page extends Keys {
  /** Whose it is, as the server's answers say; none where it was not told, or the browser keeps no cookie. */
  who?: string | undefined
  /** None: it was not told. */
  kind?: 'guest' | 'user' | undefined
  /** The browser was seen with its cookie. */
  isKept: boolean
  /**
   * How far its socket has got. `none`: there is none. `down`: it is not connected, or as another visitor. `up`: it is to be asked whose page it
   * is. `greeting`: it was asked. `greeted`: it has said that it is this visitor's.
   */
  reach: 'none' | 'down' | 'up' | 'greeting' | 'greeted'
  /** A POST of `{}` is to bring the cookie. */
  isAsking?: boolean
  /** Answers to such, one after the other, whose requests brought none. */
  tries: number
  /** Questions, and POSTs of which nothing was taken, since a POST was last taken, or `renew` seconds ago: they are not to go on for ever. */
  asks: number
  /** The first values are known. */
  isReady: boolean
  /** The POST under way; or it is queued for its turn among the tabs. */
  posted?: Sync | undefined
  isQueued?: boolean
  /** The page is used, and no POST of its browser was taken for `renew` seconds: its cookie may end. */
  isDue?: boolean
  renew: number
  /** The newest POST got no answer of ours. */
  isOffline?: boolean
  /** Of any kind, since a POST was last answered and not refused. */
  failures: number
  isLeft?: boolean
  /** The times that it waits for. */
  readonly timers: Set<TimerName>
}

/** Seconds after which a page that is used POSTs. */
export const RENEWAL = 300

/** A page before anything has happened, with what its HTML says. */
export function beginPage(initial: AnySnapshot | Plain | undefined, hasSocket: boolean): Page {
  // Values without stamps are older than anything: they stand where nothing else is known, as a default does.
  const said: Said = isSnapshot(initial) ? initial : { defaults: initial }
  const { who, guest, held, renew = RENEWAL, values, defaults, stamps, deleted, unsaved } = said
  const page: Page = {
    who,
    kind: stamps && (guest ? 'guest' : 'user'),
    fields: new Map(),
    isKept: !!held,
    reach: hasSocket ? 'down' : 'none',
    tries: 0,
    asks: 0,
    isReady: !!initial,
    renew,
    failures: 0,
    timers: new Set(),
    effects: [],
  }
  setDefaults(page, defaults)
  for (const [key, stamp] of Object.entries(stamps ?? {})) {
    merge(page, key, stamp, deleted?.includes(key) ? undefined : values?.[key])
    const saved = unsaved?.includes(key) ? NEVER : stamp
    Object.assign(fieldOf(page, key), { proof: saved, held: saved })
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

/** The browser keeps no cookie. */
export function isBlocked({ tries }: Page): boolean {
  return tries > 1
}
