// Lists this library's refusal codes, and recognizes them among the codes of the app's guards and gateways.

import type { LiveSessionErrorCode } from '../../shared/errors.js'

/** All codes of this library. */
const CODES: Readonly<Record<LiveSessionErrorCode, 1>> = {
  bad_origin: 1,
  bad_ticket: 1,
  closed: 1,
  conflict: 1,
  cookies_blocked: 1,
  invalid_value: 1,
  malformed: 1,
  not_loaded: 1,
  not_writable: 1,
  other_visitor: 1,
  rate_limited: 1,
  store_unavailable: 1,
  superseded: 1,
  too_large: 1,
  undeclared_key: 1,
  users_only: 1,
}

/** Returns the code if it is ours: the app's guards, and gateways, have codes of their own. */
export function ownCode(code: string | undefined): string | undefined {
  return Object.keys(CODES).find((one) => one === code)
}
