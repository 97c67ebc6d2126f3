import type { LiveSessionErrorCode } from '../../shared/errors.js'

/** All codes of this library. */
const CODES: readonly string[] = [
  'bad_origin',
  'bad_ticket',
  'closed',
  'conflict',
  'cookies_blocked',
  'invalid_value',
  'malformed',
  'not_loaded',
  'not_writable',
  'other_visitor',
  'rate_limited',
  'store_unavailable',
  'superseded',
  'too_large',
  'undeclared_key',
  'users_only',
] satisfies LiveSessionErrorCode[]

/** Returns the code if it is ours: the app's guards, and gateways, have codes of their own. */
export function ownCode(code: string | undefined): string | undefined {
  return CODES.find((one) => one === code)
}
