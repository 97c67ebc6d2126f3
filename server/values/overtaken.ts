import { LiveSessionError } from '../../shared/errors.js'
import type { Newest } from '../../shared/protocol.js'

/** Refuses what a page has computed from a value that is not the newest, and says which is. */
export class OvertakenError extends LiveSessionError {
  readonly newest: Newest

  /** @param isSentAgain whether another process, or this one long ago, may have taken it */
  constructor(key: string, newest: Newest, isSentAgain: boolean) {
    const message = `"${key}" has been written since the value that this was computed from`
    super(isSentAgain ? 'superseded' : 'conflict', message, { key, index: 0 })
    this.newest = newest
  }
}
