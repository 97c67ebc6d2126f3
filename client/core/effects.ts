// Records the effects of an event, such as the settlement of a change's promises.

import type { Call, Effect, Failure } from './messages.js'

/** A change whose callers await its outcome. */
interface WithCalls {
  readonly callers: readonly Call[]
}

/** Collects the effects of the current event. */
interface Acting {
  readonly effects: Effect[]
}

/** Adds an effect, which runs after the handler of the current event. */
export function addEffect({ effects }: Acting, ...effect: Effect): void {
  effects.push(effect)
}

/** Resolves the promises of these changes, or rejects them with `failure`. */
export function settle(page: Acting, changes: readonly WithCalls[], failure?: Failure): void {
  for (const { callers } of changes) for (const call of callers) addEffect(page, 'settle', call, failure)
}
