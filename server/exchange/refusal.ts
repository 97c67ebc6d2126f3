// Formats refusals for acknowledgements, results, handshakes and HTTP responses.

import type { LiveSessionError } from '../../shared/errors.js'
import type { PostRefusal, Refusal, Refused } from '../../shared/protocol.js'

/** A refusal in its form for each kind of message. */
interface RefusalForms {
  /** The acknowledgement of an event that is refused as a whole. */
  readonly ack: Refusal
  /** The result of a single refused change. */
  readonly result: Refused
  /** The `data` of the `connect_error` of a refused handshake. */
  readonly data: Pick<Refusal, 'code'>
  /** The response to a refused POST. */
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: PostRefusal
  }
}

/** The name of a header that browsers hide from pages of other origins unless CORS exposes it. */
export const RETRY_AFTER = 'Retry-After'

/** Returns a refusal in all its forms. */
export function refusalOf({ code, message, key, index, status, retryAfter, current }: LiveSessionError): RefusalForms {
  const wait = retryAfter === undefined ? {} : { [RETRY_AFTER]: String(retryAfter) }
  return {
    ack: { ok: false, code, key, index },
    result: { code, stamp: current?.stamp, value: current?.value },
    data: { code },
    response: {
      status,
      headers: { 'Cache-Control': 'no-store', ...wait },
      body: { error: { code, message, key, index } },
    },
  }
}
