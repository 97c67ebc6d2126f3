// The client behind the public API: passes events to the page's core, and runs the effects that the core returns.

import type { JsonValue } from '../shared/json.js'
import type { Fields } from '../shared/types.js'
import type {
  Call,
  CreateEnvironment,
  Dispatch,
  Effect,
  EffectHandlers,
  Environment,
  Event,
  Next,
  RefusalReason,
} from './core/events.js'
import { liveOf, readKey } from './core/key-state.js'
import type { Page } from './core/page.js'
import { wirePending } from './core/sending.js'
import { step } from './core/step.js'
import type { ErrorTexts } from './error.js'
import { INTERNALS, type Internals } from './internals.js'
import { adder, createNotifier, guarded, type Listeners, type Notifier, tell } from './notifier.js'
import type { LiveSessionClient } from './types.js'

type Subscriber = (value: JsonValue | undefined) => void

/**
 * Creates the client of a page, a server or a test.
 *
 * @param begins whether to dispatch `begin`, which starts the page's exchanges with the server
 * @param internals the socket, the endpoint and the snapshot, for `onFlash`, `keepTab` and the like
 */
export function createClient<F extends Fields>(
  page: Page,
  createEnvironment: CreateEnvironment,
  texts: ErrorTexts,
  internals: Omit<Internals, 'initialState' | 'page' | 'dispatch' | 'environment' | 'onClose'>,
  begins: boolean,
): LiveSessionClient<F> {
  // The id of an `update` is `<name>-<calls>`: `name` tells the server which page made the change, and `calls` orders the page's changes.
  const name = Math.random().toString(36).slice(2)
  let calls = 0
  const notifier = createNotifier(page)
  const { changes, statuses, visitors, shown, status } = notifier
  const [dispatch, environment] = createDispatch(page, notifier, createEnvironment, texts)
  const closing: Listeners<[]> = new Set()
  const onChange = adder(changes)
  const onStatus = adder(statuses)

  const get = (key: string, method: string): JsonValue | undefined => {
    if (notifier.isReady) return shown(key)
    throw new TypeError(texts.text('before_ready', key, method))
  }
  /** Resolves when the values are saved. If given, `next` computes the value, and runs again for each newer current value. */
  const change = (
    keys: readonly string[],
    valueFor: (key: string) => JsonValue | undefined,
    next?: Next,
  ): Promise<void> => {
    calls += 1
    const id = `${name}-${calls}`
    let pending = keys.length || 1
    const saved = new Promise<void>((resolve, reject) => {
      const settle = (refusal?: RefusalReason): void => {
        // Reject with the first refusal.
        if (refusal && pending > 0) reject(texts.errorOf(keys.join(', '), refusal))
        pending = refusal ? 0 : pending - 1
        if (!pending) resolve()
      }
      try {
        if (notifier.isClosed) settle({ code: 'closed' })
        else if (!keys[0]) settle({ code: 'malformed' })
        else {
          const values = keys.map((key) => [key, valueFor(key)] as const)
          notifier.source ??= 'request'
          // The DOM's current event, so that callers need not pass it: undefined in shadow trees and after an `await`.
          dispatch('set', { id, next, settle }, values, (globalThis.event as InputEvent | undefined)?.inputType)
        }
      } catch (error) {
        settle({ code: 'invalid_value', error })
      }
    })
    // No unhandled rejection: callers that do not await learn of a refusal from the status or the console.
    saved.catch(() => undefined)
    return saved
  }
  const set = (key: string, value: unknown): Promise<void> => change([key], () => texts.settable(key, value))
  const update = (key: string, next: (value: JsonValue | undefined) => unknown): Promise<void> =>
    change(
      [key],
      () => get(key, 'update'),
      (value) => texts.settable(key, next(value), 'update'),
    )
  const subscribe = (key: string, listener: Subscriber): (() => void) => {
    let isEnded: boolean | undefined
    /** The value that the listener has last received. */
    let last: JsonValue | undefined
    const give = guarded((value: JsonValue | undefined): void => {
      if (!notifier.isReady || isEnded || notifier.isClosed) return
      last = value
      listener(value)
    })
    const show = (): void => {
      // While the page hides its values, the shown default is not this visitor's value.
      if (page.isReady) give(shown(key))
    }
    // A listener that was added during a notification has already received the value of that notification.
    const unsubscribe = onChange(({ key: one, value }) => one === key && value !== last && give(value))
    // Browsers restore form controls after scripts have run, just before `pageshow`: then show the value again.
    globalThis.addEventListener?.('pageshow', show)
    show()
    if (!page.isReady) void notifier.ready.then(show)
    return () => {
      isEnded = true
      unsubscribe()
      globalThis.removeEventListener?.('pageshow', show)
    }
  }

  const live = {
    get ready() {
      return notifier.ready
    },
    get: (key: string) => get(key, 'get'),
    has: (key: string) => liveOf(readKey(page, key), !page.isReady) !== undefined,
    set,
    setMany: (values: Readonly<Record<string, unknown>>) =>
      change(Object.keys(values), (key) => texts.settable(key, values[key], 'setMany')),
    update,
    delete: (key: string) => change([key], () => undefined),
    subscribe,
    onChange,
    status,
    onStatus,
    onVisitor: adder(visitors),
    field: (key: string) => ({
      subscribe: (run: Subscriber) => subscribe(key, run),
      set: (value: unknown) => void set(key, value),
      update: (next: (value: JsonValue | undefined) => unknown) => void update(key, next),
    }),
    flush: () =>
      new Promise<void>((resolve) => {
        const check = (): void => {
          if ([...page.keys].some(([key]) => status(key).status === 'saving')) return
          unsubscribe()
          resolve()
        }
        const unsubscribe = onStatus(check)
        dispatch('flush')
        check()
      }),
    close: () => {
      dispatch('close')
      tell(closing)
      // If a listener closes the client, notifications are paused: send the last notification all the same.
      notifier.isPaused = false
      notifier.notify()
      notifier.isClosed = true
      for (const one of [changes, statuses, visitors]) one.clear()
      environment.close()
    },
    [INTERNALS]: {
      ...internals,
      initialState: notifier.initialState,
      page,
      dispatch,
      environment,
      onClose: adder(closing),
    },
  }
  environment.open()
  if (begins) dispatch('begin')
  // Untyped inside: only the declaration knows the type of a key's value.
  return live as unknown as LiveSessionClient<F>
}

/** Returns `dispatch`, which passes an event to the core, and the environment, which implements all effects. */
function createDispatch(
  page: Page,
  notifier: Notifier,
  createEnvironment: CreateEnvironment,
  texts: ErrorTexts,
): readonly [dispatch: Dispatch, environment: Environment] {
  let isStepping = false

  const dispatch = (...event: Event): void => {
    if (notifier.isClosed) return
    // The step in progress is running a function of `update`, and would undo a change made by that function.
    if (isStepping) throw new TypeError(texts.text('impure_update'))
    const { who } = page
    let effects: readonly Effect[]
    isStepping = true
    try {
      effects = step(page, event)
    } finally {
      isStepping = false
    }
    if (who && who !== page.who) notifier.source = 'login'
    if (event[0] === 'answered') notifier.source ??= 'socket'
    // Run effects first, so that changes are sent before the listeners' own messages, and immediate results join the same notification.
    const wasPaused = notifier.isPaused
    notifier.isPaused = true
    // Guarded, because an effect may call the app's listeners on the socket, which may throw.
    for (const [what, ...args] of effects) guarded(environment[what] as (...args: unknown[]) => void)(...args)
    notifier.isPaused = wasPaused
    // Notify no listener while changes wait for a connection to name its visitor: a listener's own message would overtake the changes.
    if (page.socket === 'down' || !page.timers.has('greet') || !wirePending(page)[0]) notifier.notify()
  }

  const environment: EffectHandlers & Environment = {
    ...createEnvironment(dispatch),
    settle: ({ settle }: Call, refusal?: RefusalReason) => settle?.(refusal),
    visitor: (visitor) => tell(notifier.visitors, visitor),
  }
  return [dispatch, environment]
}
