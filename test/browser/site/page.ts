import { createLiveSession } from 'koa-live-session/client'
import { io, type Socket } from 'socket.io-client'
import type { SiteFields } from './fields.js'
import { keptAtFirst, watchWhose, whoseAtFirst } from './whose.js'

const KEYS = ['division', 'theme', 'cart', 'role'] as const
export type SiteKey = (typeof KEYS)[number]

/** A change of this page, with the outcome that the client reported. */
export interface Said {
  readonly key: SiteKey
  /** JSON; '' for a deleted key. */
  readonly text: string
  /** Whether the change adds items to the current value. */
  readonly isAdded: boolean
  /** The page's visitor: the hash of the subject, and the server's `who` for this browser; '' where the browser keeps no id. */
  readonly whose: readonly string[]
  /** ms since 1970, by the clock of the browser's process. */
  readonly began: number
  ended?: number
  outcome: string
}

/** A shown value, with the page's visitor at that time. */
export interface Shown {
  readonly key: SiteKey
  readonly text: string
  readonly whose: readonly string[]
  readonly at: number
}

/** The changes and shown values of a page so far. */
export interface PageRecord {
  readonly id: number
  readonly said: Said[]
  readonly shown: Shown[]
  whose: readonly string[]
  /** The `who` of each visitor whose cookie the browser has shown. */
  readonly kept: string[]
}

/** The handle by which a test reads and changes the page. */
export interface SiteHandle {
  readonly record: PageRecord
  /** For each `pageshow`: whether the page came from the back/forward cache. */
  readonly returns: boolean[]
  readonly socket: Socket | undefined
  /** Without a value, deletes the key. */
  set(key: 'division' | 'theme' | 'cart', value?: unknown): void
  /** Adds to the cart. */
  add(item: string): void
  /** Whether no change waits for its save. */
  isAtRest(): boolean
}
declare global {
  interface Window {
    site: SiteHandle
  }
}

const now = (): number => performance.timeOrigin + performance.now()

const hasSocket = location.pathname !== '/no-socket'
// Only this timeout, 20 s by default, ends a connection that was cut during its handshake. After many failures Chromium delays
// the next connection by up to 5 s, so a page with a timeout below that would never reconnect on a slow machine.
const pace = { reconnectionDelay: 50, reconnectionDelayMax: 500, timeout: 6000 }
// Long polls of ten tabs would take all connections that a browser opens to a host.
const socket = hasSocket ? io({ transports: ['websocket'], ...pace }) : undefined
const record: PageRecord = { id: Math.random(), said: [], shown: [], whose: whoseAtFirst(), kept: keptAtFirst() }
const site: SiteHandle = {
  record,
  returns: [],
  socket,
  set: (key, value) => {
    if (value === undefined) say(key, '', false, () => live.delete(key))
    else say(key, JSON.stringify(value), false, () => live.set(key, value as never))
  },
  add: (item) => say('cart', JSON.stringify([item]), true, () => live.update('cart', (cart) => [...cart, item])),
  isAtRest: () => KEYS.every((key) => !['saving', 'offline'].includes(live.status(key).status)),
}
window.site = site

/** Makes a change, and records its outcome. */
function say(key: SiteKey, text: string, isAdded: boolean, change: () => Promise<unknown>): void {
  const said: Said = { key, text, isAdded, whose: record.whose, began: now(), outcome: 'pending' }
  record.said.push(said)
  const end = (outcome: string): void => void Object.assign(said, { outcome, ended: now() })
  change().then(
    () => end('saved'),
    (error: { readonly code?: string }) => end(error.code ?? String(error)),
  )
}
// Watches before the client exists, because the client shows an answer at once.
watchWhose(
  socket,
  (whose, isKept) => {
    // A page that knows its visitor does not show the values of a connection without a cookie.
    if (!isKept && record.whose[1] !== '') return false
    const isAnothers = whose[1] !== record.whose[1]
    record.whose = whose
    return isAnothers
  },
  (who = record.whose[1]) => {
    if (who) record.kept.push(who)
  },
)
const live = createLiveSession<SiteFields>({ ...(socket ? { socket } : {}) })

for (const key of KEYS) {
  const output = document.querySelector<HTMLOutputElement>(`[data-key=${key}]`)
  const showStatus = (): void => {
    const { status, reason = '' } = live.status(key)
    Object.assign(output?.dataset ?? {}, { status, reason })
  }
  showStatus()
  live.onStatus(showStatus)
  live.subscribe(key, (value) => {
    // Records `undefined` as well, which no page may show.
    const text = String(JSON.stringify(value))
    if (output) output.value = text
    record.shown.push({ key, text, whose: record.whose, at: now() })
  })
}

const next = {
  division: () => live.get('division') + 1,
  theme: () => (live.get('theme') === 'dark' ? 'light' : 'dark'),
  cart: () => [...live.get('cart'), `item ${live.get('cart').length}`],
}
for (const key of ['division', 'theme', 'cart'] as const) {
  document.querySelector(`[data-next=${key}]`)?.addEventListener('click', () => site.set(key, next[key]()))
}
addEventListener('pageshow', ({ persisted }) => site.returns.push(persisted))
document.documentElement.dataset['ready'] = ''
