import type { Dispatch } from './dispatch.js'
import type { Sessions } from './sessions.js'
import type { Tickets } from './ticket.js'
import type { UpToEnds } from './up-to-ends.js'

/** The kernel up to values. */
export interface UpToValues extends UpToEnds {
  readonly dispatch: Dispatch
  readonly sessions: Sessions
  readonly tickets: Tickets
}
