import { LiveSessionError } from '../../shared/errors.js'
import type { Newest } from '../../shared/protocol.js'

/** Refuses a change of a page that does not know the newest value, and says which that is. */
export class OvertakenError extends LiveSessionError {
  readonly newest: Newest

  constructor(key: string, newest: Newest) {
    super('superseded', `"${key}" has been written since this change was first sent`, { key })
    this.newest = newest
  }
}
