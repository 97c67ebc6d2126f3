import type { JsonValue } from './json.js'

/** Where a change came from. */
export type ChangeSource = 'request' | 'socket' | 'ticket' | 'job' | 'node' | 'store' | 'login'

/** A value that changed, as this build reads it. */
export interface AnyChange {
  readonly key: string
  readonly value: JsonValue | undefined
  readonly previous: JsonValue | undefined
  readonly source: ChangeSource
}
