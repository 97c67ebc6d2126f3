import { createLiveSession } from 'koa-live-session/client'
import { io, type Socket } from 'socket.io-client'
import type { SiteFields } from './fields.js'

const KEYS = ['division', 'theme', 'cart', 'role'] as const
export type SiteKey = (typeof KEYS)[number]

/** A change of this page, and its outcome. */
export interface Said {
  readonly key: SiteKey
  /** Whether it added an item. */
  readonly isAdded: boolean
  outcome: string
}

/** The subject's hash, and the `who` of the visitor in this browser, or '' if the browser keeps no id. */
export type Whose = readonly [subject: string, who: string]

/** A page's handle for tests. */
export interface SiteHandle {
  readonly record: {
    readonly said: Said[]
    /** Each value shown, as JSON. */
    readonly shown: string[]
    whose: Whose
  }
  /** For each time that the page was shown, whether it came from the back/forward cache. */
  readonly returns: boolean[]
  readonly socket: Socket | undefined
  /** Sets a key, or deletes it without a value. */
  set(key: 'division' | 'theme' | 'cart', value?: unknown): void
  /** Adds to the cart. */
  add(item: string): void
  /** Whether no change is in flight. */
  isAtRest(): boolean
}
declare global {
  interface Window {
    site: SiteHandle
  }
}

// Long polls of ten tabs would use all connections that a browser opens to one host.
const hasSocket = location.pathname !== '/no-socket'
// A connection cut within its handshake ends only by this timeout, 20 s by default. After many failures Chromium delays the next
// by up to 5 s: with a shorter timeout, a page on a slow machine never reconnects.
const pace = { reconnectionDelay: 50, reconnectionDelayMax: 500, timeout: 6000 }
const socket = hasSocket ? io({ transports: ['websocket'], ...pace }) : undefined
const record: SiteHandle['record'] = { said: [], shown: [], whose: whoseAtFirst() }
const site: SiteHandle = {
  record,
  returns: [],
  socket,
  set: (key, value) => say(key, false, () => (value === undefined ? live.delete(key) : live.set(key, value as never))),
  add: (item) => say('cart', true, () => live.update('cart', (cart) => [...cart, item])),
  isAtRest: () => KEYS.every((key) => !['saving', 'offline'].includes(live.status(key).status)),
}
window.site = site

function say(key: SiteKey, isAdded: boolean, change: () => Promise<unknown>): void {
  const said: Said = { key, isAdded, outcome: 'pending' }
  record.said.push(said)
  change().then(
    () => Object.assign(said, { outcome: 'saved' }),
    (error: { readonly code?: string }) => Object.assign(said, { outcome: error.code ?? String(error) }),
  )
}
// Before the client, which shows greetings at once.
watchWhose()
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
    const text = JSON.stringify(value)
    if (output) output.value = text
    record.shown.push(text)
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

interface Answer {
  readonly who?: string
  readonly kept?: true
  readonly greeting?: readonly string[]
}

/** Reads the visitor from the HTML. */
function whoseAtFirst(): Whose {
  const { who = '' } = JSON.parse(document.getElementById('live-session')?.textContent || '{}')
  return [document.documentElement.dataset['visitor'] ?? '', who]
}

/** Notes the visitor of a greeting. Returns whether it is another. */
function take(whose: Whose, isKept: boolean): boolean {
  // A page that knows its visitor ignores a connection without the cookie.
  if (!isKept && record.whose[1] !== '') return false
  const isAnothers = whose[1] !== record.whose[1]
  record.whose = whose
  return isAnothers
}

/** Reads the greetings in answers before the client does. */
function watchWhose(): void {
  // After a POST named another visitor, the connection belongs to the former until it reconnects.
  let isFormers = false
  const hear = (answer: Answer | undefined, isPost: boolean): void => {
    const [ticket] = answer?.greeting ?? []
    if (ticket === undefined || (isFormers && !isPost)) return
    const isAnothers = take([subjectOf(ticket), answer?.who ?? ''], answer?.kept === true)
    isFormers ||= isPost && isAnothers
  }
  socket?.on('connect', () => {
    isFormers = false
  })
  if (socket) hearAnswers(socket, (answer) => hear(answer, false))
  const send = globalThis.fetch
  globalThis.fetch = async (...request) => {
    const answer = await send(...request)
    const read = answer.json.bind(answer)
    answer.json = async () => {
      const said = await read()
      hear(said, true)
      return said
    }
    return answer
  }
}

function hearAnswers(socket: Socket, hear: (answer: Answer | undefined) => void): void {
  const emit = socket.emit.bind(socket)
  socket.emit = (event: string, ...args: unknown[]) => {
    const ack = args.pop()
    if (typeof ack !== 'function') return emit(event, ...args, ack)
    return emit(event, ...args, (...answer: unknown[]) => {
      hear(answer.at(-1) as Answer | undefined)
      ack(...answer)
    })
  }
}

function subjectOf(ticket: string): string {
  return JSON.parse(atob((ticket.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'))).sub
}
