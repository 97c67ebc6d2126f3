// The codes of refusals, their usual statuses, and their kinds: temporary, of the value, suspicious. For the rest, see `code-table.ts`.

/** Each code with its usual HTTP status. */
export const STATUSES = {
  invalid_value: 400,
  too_large: 400,
  malformed: 400,
  undeclared_key: 400,
  users_only: 403,
  not_writable: 403,
  bad_origin: 403,
  bad_ticket: 403,
  cookies_blocked: 403,
  other_visitor: 403,
  not_loaded: 409,
  conflict: 409,
  superseded: 409,
  rate_limited: 429,
  store_unavailable: 503,
  closed: 503,
} as const

/**
 * The machine-readable reason of a refusal, with its HTTP `status`:
 *
 * | code | status | meaning |
 * | ---- | ------ | ------- |
 * | `invalid_value` | 400 | the schema rejects the value, or JSON cannot carry it |
 * | `undeclared_key` | 400 | no field has this key or, for a browser, the field is hidden |
 * | `not_writable` | 403 | a browser may not set this field |
 * | `users_only` | 403 | a guest's browser may not set this field: sign in first |
 * | `too_large` | 400 | over the field's `maxBytes` or `maxMembers`; a message or a payload over its own limit |
 * | `malformed` | 400 | not the expected shape |
 * | `bad_origin` | 403 | the page's origin is not listed |
 * | `bad_ticket` | 403 | a forged, expired or revoked ticket |
 * | `other_visitor` | 403 | the ticket, the socket or the cookie is of another visitor |
 * | `superseded` | 409 | the visitor has gone or the session has ended; in a page also: the server had a newer value |
 * | `rate_limited` | 429 | more than `limits` allow: try again after `retryAfter` |
 * | `not_loaded` | 409 | `update` of a user of whom this process knows nothing |
 * | `conflict` | 409 | `update` lost to concurrent writes repeatedly |
 * | `store_unavailable` | 503 | the store does not answer |
 * | `cookies_blocked` | 403 | the browser keeps no cookie, or has sent none |
 * | `closed` | 503 | after `live.close()`, or on a socket that is not open |
 *
 * In the answer to a POST, some codes may have another status: 202, 204, 405, 413 or 415.
 */
export type LiveSessionErrorCode = keyof typeof STATUSES

/**
 * Returns whether a refusal is temporary. A code that only a newer build knows counts as temporary: the page keeps the change. After
 * `store_unavailable`, the store may still have applied the change.
 */
export function isTemporary(code: LiveSessionErrorCode): boolean {
  // With status 429 and above, the server is busy or failing.
  return !(STATUSES[code] < 429)
}

/** Returns whether a refusal concerns the value itself, so that another value may be accepted. */
export function isOfValue(code: LiveSessionErrorCode): boolean {
  return code === 'invalid_value' || code === 'too_large'
}

/** Returns whether our own pages rarely or never cause refusals with this code. */
export function isSuspicious(code: LiveSessionErrorCode): boolean {
  return code === 'malformed' || code === 'bad_ticket' || code === 'other_visitor'
}

/** Returns whether a code is ours: the app's guards, and gateways, have codes of their own. */
export function isOwnCode(code: string = ''): code is LiveSessionErrorCode {
  return Object.hasOwn(STATUSES, code)
}
