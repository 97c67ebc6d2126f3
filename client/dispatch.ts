// Passes events to the core of a page, and runs the effects.

import type { Advice } from './advice.js'
import type { Call, Effect, Event, Failure } from './core/messages.js'
import { serializeOutbox } from './core/outbox.js'
import type { Page } from './core/page.js'
import { wirePending } from './core/sending.js'
import { step } from './core/step.js'
import type { CreateEnvironment, Dispatch, Environment } from './environment.js'
import { guarded } from './listeners.js'
import type { Notifier } from './notifier.js'

/** Returns `dispatch`, which passes an event to the core, and the environment, which implements all effects. */
export function createDispatch(
  page: Page,
  notifier: Notifier,
  createEnvironment: CreateEnvironment,
  advice: Advice,
): readonly [dispatch: Dispatch, environment: Environment] {
  let isStepping = false

  const dispatch = (...event: Event): void => {
    if (notifier.isClosed) return
    // The step in progress runs an `update` function, and would undo a change by that function.
    if (isStepping) throw new TypeError(advice.text('impure_update'))
    const { who } = page
    let effects: readonly Effect[] = []
    isStepping = true
    try {
      effects = step(page, event)
    } finally {
      isStepping = false
    }
    if (who && who !== page.who) notifier.source = 'login'
    else if (event[0] === 'synced') notifier.source ??= 'socket'
    // Persist first, so that no page restores discarded changes. Look `save` up on each call, because `keepTab` replaces it.
    environment.save(serializeOutbox(page))
    // Send changes before listeners send messages of their own. Immediate results of effects join the same notification.
    const wasPaused = notifier.isPaused
    notifier.isPaused = true
    // Guarded, because listeners of the app on its socket may throw.
    for (const [what, ...args] of effects) guarded(environment[what] as (...args: unknown[]) => void)(...args)
    notifier.isPaused = wasPaused
    // Notify no listener while drafts wait for a connection to name its visitor: a listener's own message would overtake the drafts.
    const isWaiting = page.socketState !== 'down' && page.timers.has('greet') && wirePending(page)[0]
    if (!isWaiting) notifier.notify()
  }

  const environment = {
    ...createEnvironment(dispatch, page),
    settle: ({ end }: Call, failure?: Failure) => end?.(failure),
    visitor: notifier.visitors.notify,
  }
  return [dispatch, environment]
}
