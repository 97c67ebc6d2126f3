import { LiveSessionError } from '../../shared/errors.js'
import type { Newest } from '../../shared/protocol.js'

/** Refuses a change of a page that does not know the newest value, and says which that is. */
export class OvertakenError extends LiveSessionError {
  readonly newest: Newest

  constructor(code: 'conflict' | 'superseded', key: string, newest: Newest) {
    super(code, `"${key}" has been written since the value that the page knew`, { key })
    this.newest = newest
  }
}
