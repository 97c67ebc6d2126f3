// The table of all codes. Pages in production load only `codes.ts`, which has the usual statuses.

import type { LiveSessionErrorCode } from './codes.js'

interface Row {
  readonly meaning: string
  /** The code's other statuses in answers to POSTs, each with its case. */
  readonly otherStatuses?: Readonly<Record<number, string>>
  /** The page's treatment of the change or the message. */
  readonly page: string
  /** The reason, for a page's errors in development, and for the server's log of a refused value in a URL. */
  readonly reason?: string
}

const RETRIES = 'retries'
const REJECTS = 'rejects the change, and shows the value before'

/** The codes. `STATUSES` has the usual status of each code; docs/troubleshooting.md has a remedy under the code's name. */
export const CODES: Readonly<Record<LiveSessionErrorCode, Row>> = {
  invalid_value: {
    meaning: 'the schema rejects the value, or JSON cannot carry it',
    page: REJECTS,
    reason: "the field's schema refuses the value",
  },
  undeclared_key: {
    meaning: 'no field has this key or, for a browser, the field is hidden',
    page: REJECTS,
    reason: 'expected a declared field that is not hidden from browsers',
  },
  not_writable: {
    meaning: 'a browser may not set this field',
    page: REJECTS,
    reason: "expected a field with client: 'write'",
  },
  users_only: {
    meaning: "a guest's browser may not set this field: sign in first",
    page: REJECTS,
    reason: 'only signed-in users may set the field: let the visitor sign in first',
  },
  too_large: {
    meaning: "over the field's `maxBytes` or `maxMembers`; a message or a payload over its own limit",
    otherStatuses: { 413: 'a body over 64 kB' },
    page: REJECTS,
    reason: "the value exceeds the field's maxBytes or maxMembers",
  },
  malformed: {
    meaning: 'not the expected shape',
    otherStatuses: { 405: 'not a POST', 415: 'not JSON' },
    page: REJECTS,
    reason: 'setMany: expected at least one value',
  },
  bad_origin: { meaning: "the page's origin is not listed", page: REJECTS },
  bad_ticket: {
    meaning: 'a forged, expired or revoked ticket',
    otherStatuses: { 204: 'the token of a hand-off, because the browser then stays on its page' },
    page: 'drops the ticket, and sends the rest again',
  },
  other_visitor: {
    meaning: 'the ticket, the socket or the cookie is of another visitor',
    page: 'drops the ticket, and sends the rest again; after a refused handshake, asks for its visitor',
  },
  superseded: {
    meaning: 'the visitor has gone or the session has ended; in a page also: the server had a newer value',
    page: 'shows the newer value, and sends a `set` again that cannot have arrived; rejects any other change',
    reason: 'a newer write has won, or another visitor is at this browser now',
  },
  rate_limited: {
    meaning: 'more than `limits` allow: try again after `retryAfter`',
    otherStatuses: {
      202: 'a POST while another response brings a new cookie: nothing is wrong, and browsers log no error',
    },
    page: RETRIES,
  },
  not_loaded: {
    meaning: '`update` of a user of whom this process knows nothing',
    page: 'never gets it: only `live.user(id)` does',
  },
  conflict: {
    meaning: '`update` lost to concurrent writes repeatedly',
    page: 'computes the `update` from the newer value, and sends it again',
  },
  store_unavailable: {
    meaning: 'the store does not answer',
    page: `${RETRIES}, with the status \`offline\` until the store answers`,
    reason: 'the store does not answer',
  },
  cookies_blocked: {
    meaning: 'the browser keeps no cookie, or has sent none',
    page: 'rejects the change, but shows the value in this page',
    reason:
      'the browser keeps no cookie of this server, consent returned false, or identify names another visitor each time',
  },
  closed: {
    meaning: 'after `live.close()`, or on a socket that is not open',
    page: RETRIES,
  },
}
