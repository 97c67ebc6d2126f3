import type { LiveSessionError } from '../../../shared/errors.js'
import type { Refusal } from '../../../shared/protocol.js'

/** How a page is told of a refusal over its socket. */
export function refusalOf({ code, key, index }: LiveSessionError): Refusal {
  return { ok: false, code, ...(key === undefined ? {} : { key }), ...(index === undefined ? {} : { index }) }
}
