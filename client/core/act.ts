import type { Call, Effect, Failure } from './messages.js'

/** Collects the effects of the current event. */
interface Acting {
  readonly effects: Effect[]
}

/** Adds an effect, which runs once the current event has been handled. */
export function act({ effects }: Acting, ...effect: Effect): void {
  effects.push(effect)
}

/** Resolves the promises of these calls, or rejects them with `failure`. */
export function settle(page: Acting, calls: readonly Call[], failure?: Failure): void {
  if (calls[0]) act(page, 'settle', calls, failure)
}
