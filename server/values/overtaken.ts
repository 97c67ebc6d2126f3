import { LiveSessionError } from '../../shared/errors.js'
import type { Newest, Refusal } from '../../shared/protocol.js'

/** Refuses a change of a page that does not know the newest value, and says which that is. */
export class OvertakenError extends LiveSessionError {
  readonly newest: Newest

  constructor(code: 'conflict' | 'superseded', key: string, newest: Newest) {
    super(code, `"${key}" has been written since the value that the page knew`, { key })
    this.newest = newest
  }
}

/** How a page is told of a refusal over its socket. */
export function refusalOf(error: LiveSessionError): Refusal {
  const { code, key } = error
  const newest = error instanceof OvertakenError ? error.newest : {}
  return { ok: false, code, ...(key === undefined ? {} : { key }), ...newest }
}
