import type { LiveSessionError } from '../../../shared/errors.js'
import type { Refusal, SyncResult } from '../../../shared/protocol.js'

/** A result that refuses its change. */
export type Refused = Extract<SyncResult, { readonly code: string }>

/** What a page is told of a refusal, by what it has asked. */
interface Told {
  /** An event, which is refused as a whole. */
  readonly ack: Refusal
  /** One change of several. */
  readonly result: Refused
  /** A handshake: the `data` of its `connect_error`. */
  readonly data: Pick<Refusal, 'code'>
  /** A POST. */
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: { readonly error: Omit<Refusal, 'ok'> & { readonly message: string } }
  }
}

/** Not among the headers that browsers show to pages of other origins by themselves. */
export const RETRY_AFTER = 'Retry-After'

/** How a refusal goes out, whichever way its page has asked. */
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
