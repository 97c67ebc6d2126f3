// The client behind the public API: passes events to the core, runs its effects, and notifies listeners.

import type { AnyChange, ChangeSource } from '../shared/change.js'
import type { Fields } from '../shared/field-types.js'
import type { JsonValue } from '../shared/json.js'
import type { Advice } from './advice.js'
import { fieldOf, liveOf, shownOf } from './core/field.js'
import type { Call, Effect, Event, Failure, Next, PageVisitor } from './core/messages.js'
import { remainsOf } from './core/outbox.js'
import type { Page } from './core/page.js'
import { drafts } from './core/sending.js'
import { step } from './core/step.js'
import { detailOf, overallStatus, type StatusDetail, statusOf } from './core/view.js'
import { INSIDE, type Inside } from './inside.js'
import { createListeners, guarded } from './listeners.js'
import type { Surround } from './surroundings.js'
import type { LiveSessionClient } from './types.js'

type Subscriber = (value: JsonValue | undefined) => void
type Told = readonly [value: JsonValue | undefined, detail: StatusDetail]

/** Maximum rounds of listener calls in a row, so that the page stays usable. */
const MAX_AT_ONCE = 100

/** The last notification of an unknown key. */
const UNTOLD: Told = [undefined, detailOf('default')]

/**
 * Creates the client of a page, a server or a test.
 *
 * @param begins whether to start work at once
 * @param inside the internals for `onFlash`, `keepTab` and the like
 */
export function createClient<F extends Fields>(
  page: Page,
  surround: Surround,
  advice: Advice,
  inside: Omit<Inside, 'was' | 'page' | 'dispatch' | 'doing' | 'onClose'>,
  begins: boolean,
): LiveSessionClient<F> {
  let source: ChangeSource | undefined
  /** Whether listeners know the first values. */
  let { isReady } = page
  let isOver = false
  let isStepping = false
  /** While true, listeners are notified later. */
  let isBusy = false
  let isNews = false
  // The server distinguishes the computed changes of all tabs by this name, and orders those of a tab by their number.
  const name = Math.random().toString(36).slice(2)
  let calls = 0
  const changes = createListeners<[change: AnyChange]>()
  const statuses = createListeners<[key: string, detail: StatusDetail]>()
  const visitors = createListeners<[visitor: PageVisitor]>()
  const ends = createListeners<[]>()
  let markReady = (): void => undefined
  const ready = new Promise<void>((resolve) => {
    markReady = resolve
  })
  if (isReady) markReady()

  const shown = (key: string): JsonValue | undefined => shownOf(fieldOf(page, key), !page.isReady)
  const status = (key: string): StatusDetail => statusOf(page, fieldOf(page, key))
  const told = (): readonly (readonly [key: string, told: Told])[] =>
    [...page.fields.keys()].map((key) => [key, [shown(key), status(key)]])
  /** By key, the first value and status, for hydration; `heard` has those of the last notification. */
  const began = new Map(told())
  const heard = new Map(began)
  const isEmbedded = isReady

  /** Notifies listeners. A change made by a listener waits until all listeners have heard of the current change. */
  const tell = (): void => {
    isNews = true
    if (isBusy) return
    isBusy = true
    for (let i = 0; isNews && i < MAX_AT_ONCE; i += 1) {
      isNews = false
      // Changes made by listeners during this round get their own source.
      const from = source ?? 'ticket'
      source = undefined
      for (const [key, [value, detail]] of told()) {
        const [previous, was] = heard.get(key) ?? UNTOLD
        heard.set(key, [value, detail])
        if (value !== previous) changes.tell({ key, value, previous, source: from })
        if (detail !== was) statuses.tell(key, detail)
      }
      isReady ||= page.isReady
      if (isReady) markReady()
    }
    isBusy = false
    // Listeners keep answering each change with another change: yield to the page.
    if (isNews) setTimeout(tell)
  }

  const dispatch = (...event: Event): void => {
    if (isOver) return
    // The step in progress would undo a change by an `update` function.
    if (isStepping) throw new TypeError(advice.text('impure_update'))
    const { who } = page
    let effects: readonly Effect[] = []
    isStepping = true
    try {
      effects = step(page, event)
    } finally {
      isStepping = false
    }
    if (who && who !== page.who) source = 'login'
    else if (event[0] === 'synced') source ??= 'socket'
    // Persist first, so that no page restores discarded changes.
    doing.keep(remainsOf(page))
    // Send changes before notifying listeners, whose own messages come later. Immediate results of effects join the same notification.
    const wasBusy = isBusy
    isBusy = true
    // Guarded, as listeners of the app on its socket may throw.
    for (const [what, ...args] of effects) guarded(doing[what] as (...args: unknown[]) => void)(...args)
    isBusy = wasBusy
    // Not while drafts wait for a connection to name its visitor.
    const isWaiting = page.reach !== 'down' && page.timers.has('greet') && drafts(page)[0]
    if (!isWaiting) tell()
  }

  const doing = {
    ...surround(dispatch, page),
    settle: ({ end }: Call, failure?: Failure) => end?.(failure),
    visitor: visitors.tell,
  }

  const get = (key: string, call = 'get'): JsonValue | undefined => {
    if (isReady) return shown(key)
    throw new TypeError(advice.text('before_ready', key, call))
  }
  /** Resolves when the values are saved. With `next`, computes the value, again if the current value has changed by then. */
  const change = (
    keys: readonly string[],
    make: (key: string) => JsonValue | undefined,
    next?: Next,
  ): Promise<void> => {
    calls += 1
    const id = `${name}-${calls}`
    let left = keys.length || 1
    const saved = new Promise<void>((resolve, reject) => {
      const end = (failure?: Failure): void => {
        // Reject with the first failure.
        if (failure && left > 0) reject(advice.errorOf(keys.join(', '), failure))
        left = failure ? 0 : left - 1
        if (!left) resolve()
      }
      try {
        if (isOver || !keys[0]) end({ code: isOver ? 'closed' : 'malformed' })
        else {
          const values = keys.map((key) => [key, make(key)] as const)
          source ??= 'request'
          dispatch('set', { id, next, end }, values)
        }
      } catch (error) {
        end({ code: 'invalid_value', error })
      }
    })
    // No unhandled rejection: callers that do not await learn of a refusal from the status or the console.
    saved.catch(() => undefined)
    return saved
  }
  const set = (key: string, value: unknown): Promise<void> => change([key], () => advice.settable(key, value))
  const update = (key: string, next: (value: JsonValue | undefined) => unknown): Promise<void> =>
    change(
      [key],
      () => get(key, 'update'),
      (value) => advice.settable(key, next(value), 'update'),
    )
  const subscribe = (key: string, listener: Subscriber): (() => void) => {
    let isEnded = false
    const tell = guarded((value: JsonValue | undefined): void => {
      if (isReady && !isEnded && !isOver) listener(value)
    })
    const show = (): void => tell(shown(key))
    const end = changes.add((change) => change.key === key && tell(change.value))
    // Browsers restore forms just before this event, after scripts have run.
    globalThis.addEventListener?.('pageshow', show)
    show()
    if (!isReady) void ready.then(show)
    return () => {
      isEnded = true
      end()
      globalThis.removeEventListener?.('pageshow', show)
    }
  }

  const live = {
    ready,
    get: (key: string) => get(key),
    has: (key: string) => liveOf(fieldOf(page, key), !page.isReady) !== undefined,
    set,
    setMany: (values: Readonly<Record<string, unknown>>) =>
      change(Object.keys(values), (key) => advice.settable(key, values[key], 'setMany')),
    update,
    delete: (key: string) => change([key], () => undefined),
    subscribe,
    onChange: changes.add,
    status: (key?: string) => (key === undefined ? overallStatus(page) : status(key)),
    onStatus: statuses.add,
    onVisitor: visitors.add,
    field: (key: string) => ({
      subscribe: (run: Subscriber) => subscribe(key, run),
      set: (value: unknown) => void set(key, value),
      update: (next: (value: JsonValue | undefined) => unknown) => void update(key, next),
    }),
    flush: () =>
      new Promise<void>((resolve) => {
        const check = (): void => {
          if (!isOver && [...page.fields.keys()].some((key) => status(key).status === 'saving')) return
          end()
          resolve()
        }
        const end = statuses.add(check)
        dispatch('flush')
        check()
      }),
    close: () => {
      if (isOver) return
      ends.tell()
      // Unsaved changes are kept for the next page.
      page.isOffline = true
      tell()
      isOver = true
      doing.close()
    },
    [INSIDE]: {
      ...inside,
      was: (key: string) => (isEmbedded ? (began.get(key) ?? UNTOLD) : undefined),
      page,
      dispatch,
      doing,
      onClose: ends.add,
    },
  }
  doing.open()
  if (begins) dispatch('begin')
  // Untyped inside: only the declaration knows the type of a key's value.
  return live as unknown as LiveSessionClient<F>
}
