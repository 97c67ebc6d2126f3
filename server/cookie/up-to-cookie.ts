import type { UpToValues } from '../values/up-to-values.js'
import type { LiveCookie } from './cookie.js'
import type { CookieMembers } from './cookie-members.js'
import type { CookieSync } from './cookie-sync.js'

/** The kernel up to cookies. */
export interface UpToCookie extends UpToValues {
  readonly cookie: LiveCookie
  readonly cookieMembers: CookieMembers
  readonly cookieSync: CookieSync
}
