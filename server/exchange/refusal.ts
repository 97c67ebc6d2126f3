// Formats refusals for acknowledgements, results, handshakes and HTTP responses.

import type { LiveSessionError } from '../../shared/errors.js'
import type { PostRefusal, Refusal, Refused } from '../../shared/protocol.js'

/** The forms of a refusal, by kind of request. */
interface RefusalForms {
  /** For an event refused as a whole. */
  readonly ack: Refusal
  /** For a single change of several. */
  readonly result: Refused
  /** For a handshake: the `data` of its `connect_error`. */
  readonly data: Pick<Refusal, 'code'>
  /** For a POST. */
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: PostRefusal
  }
}

/** By default, browsers hide this header from pages of other origins. */
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
