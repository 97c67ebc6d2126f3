// Notifies the app's listeners of the values and statuses of a page. Logs their errors instead of throwing them.

import type { AnyChange, ChangeSource } from '../shared/change.js'
import type { JsonValue } from '../shared/json.js'
import { pendingOf, readKey, shownOf } from './core/key-state.js'
import { MAX_ROUNDS } from './core/limits.js'
import type { Page } from './core/page.js'
import type { PageVisitor, StatusDetail } from './core/public.js'
import { overallStatus, statusOf } from './core/status.js'

type Notice = readonly [value: JsonValue | undefined, detail: StatusDetail]

export type Listeners<A extends readonly unknown[]> = Set<(...args: A) => void>

export interface Notifier {
  readonly changes: Listeners<[change: AnyChange]>
  readonly statuses: Listeners<[key: string, detail: StatusDetail]>
  readonly visitors: Listeners<[visitor: PageVisitor]>
  /** Resolves once the page knows its visitor's values. Replaced by a new promise while the page does not know its visitor. */
  ready: Promise<void>
  /** Whether listeners know the first values. */
  isReady: boolean
  isClosed?: boolean
  /** The source of the changes that listeners have not received yet. */
  source?: ChangeSource | undefined
  /** While true, listeners are notified later. */
  isPaused?: boolean | undefined
  shown(key: string): JsonValue | undefined
  /** Returns the status of a key or, without one, the worst of all. Equal statuses are the same object: frameworks compare by identity. */
  status(key?: string): StatusDetail
  /** Returns the key's first value and status, for hydration; undefined if the page began without values. */
  initialState(key: string): Notice | undefined
  /** Notifies listeners. A change made by a listener waits until all listeners have heard of the current change. */
  notify(): void
}

export function createNotifier(page: Readonly<Page>): Notifier {
  const changes: Notifier['changes'] = new Set()
  const statuses: Notifier['statuses'] = new Set()
  /** Resolves `ready`; undefined if resolved. */
  let markReady: (() => void) | undefined
  const shown = (key: string): JsonValue | undefined => shownOf(readKey(page, key), !page.isReady)
  const details: Record<string, StatusDetail> = {}
  const unique = (detail: StatusDetail): StatusDetail => (details[JSON.stringify(detail)] ??= Object.freeze(detail))
  const status = (key?: string): StatusDetail =>
    unique(key === undefined ? overallStatus(page) : statusOf(page, readKey(page, key)))
  /** Serves as the last notification of a key that has had none. */
  const none: Notice = [undefined, unique({ status: 'default' })]
  const notices = (): readonly (readonly [key: string, notice: Notice])[] =>
    [...page.keys].map(([key]) => [key, [shown(key), status(key)]])
  const first = new Map(notices())
  /** By key, the last notification. */
  const last = new Map(first)
  const hadFirstValues = page.isReady
  let isNews = false
  const followReady = (): void => {
    if (page.isReady) markReady = markReady?.() as undefined
    else if (!markReady)
      notifier.ready = new Promise((resolve) => {
        markReady = resolve
      })
  }

  const notify = (): void => {
    isNews = true
    if (notifier.isPaused) return
    notifier.isPaused = true
    for (let left = MAX_ROUNDS; isNews && left; left -= 1) {
      isNews = false
      // Changes made by listeners during this round get their own source.
      const source = notifier.source ?? 'ticket'
      notifier.source = undefined
      for (let [key, [value, detail]] of notices()) {
        const [previous, was] = last.get(key) ?? none
        // The server's version of a text, such as a trimmed one, would replace the text while the visitor types.
        if (page.timers.has(`~${key}`) && !(source === 'request' && pendingOf(readKey(page, key))[0])) value = previous
        last.set(key, [value, detail])
        if (value !== previous) tell(changes, { key, value, previous, source })
        if (detail !== was) tell(statuses, key, detail)
      }
      notifier.isReady ||= page.isReady
      followReady()
    }
    notifier.isPaused = false
    // Yield to the page if listeners still answer each change with another change.
    if (isNews) setTimeout(notify)
  }

  const notifier: Notifier = {
    changes,
    statuses,
    visitors: new Set(),
    ready: Promise.resolve(),
    isReady: hadFirstValues,
    shown,
    status,
    initialState: (key) => (hadFirstValues ? (first.get(key) ?? none) : undefined),
    notify,
  }
  followReady()
  return notifier
}

/** Returns the function that adds a listener. */
export function adder<A extends readonly unknown[]>(
  listeners: Listeners<A>,
): (listener: (...args: A) => void) => () => void {
  return (listener) => {
    // Wrapped, so that the same function can be added twice.
    const own = guarded(listener)
    listeners.add(own)
    return () => void listeners.delete(own)
  }
}

/** Calls all listeners. */
export function tell<A extends readonly unknown[]>(listeners: Listeners<A>, ...args: A): void {
  for (const one of listeners) one(...args)
}

/** Wraps a function of the app, whose errors must stop neither other listeners nor the client. */
export function guarded<A extends readonly unknown[]>(act: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      act(...args)
    } catch (error) {
      console.error(error)
    }
  }
}
