import type { LiveSessionError } from '../../../shared/errors.js'
import type { Refusal, Refused } from '../../../shared/protocol.js'

/** The forms of a refusal that a page may get, by what it has asked. */
interface Told {
  /** For an event, which is refused as a whole. */
  readonly ack: Refusal
  /** For one change of several. */
  readonly result: Refused
  /** For a handshake: the `data` of its `connect_error`. */
  readonly data: Pick<Refusal, 'code'>
  /** For a POST. */
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: { readonly error: Omit<Refusal, 'ok'> & { readonly message: string } }
  }
}

/** Browsers do not expose this header to pages of other origins by default. */
export const RETRY_AFTER = 'Retry-After'

/** Returns a refusal in all its forms, whichever way the page has asked. */
export function refusalOf({ code, message, key, index, status, retryAfter, stands }: LiveSessionError): Told {
  const about = { ...(key === undefined ? {} : { key }), ...(index === undefined ? {} : { index }) }
  const wait = retryAfter === undefined ? {} : { [RETRY_AFTER]: String(retryAfter) }
  return {
    ack: { ok: false, code, ...about },
    result: { code, ...stands },
    data: { code },
    response: {
      status,
      headers: { 'Cache-Control': 'no-store', ...wait },
      body: { error: { code, message, ...about } },
    },
  }
}
