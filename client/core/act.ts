import type { Call, Effect, Failure } from './messages.js'

/** Where it stands what is to be done about the event under way. */
interface Acting {
  readonly effects: Effect[]
}

/** Has something done, once the event under way is over. */
export function act({ effects }: Acting, ...effect: Effect): void {
  effects.push(effect)
}

/** Tells callers what came of it: their promises resolve, or reject. */
export function settle(page: Acting, calls: readonly Call[], failure?: Failure): void {
  if (calls[0]) act(page, 'settle', calls, failure)
}
