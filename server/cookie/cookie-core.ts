import type { ValuesCore } from '../values/values-core.js'
import type { LiveCookie } from './cookie.js'
import type { CookieMembers } from './cookie-members.js'
import type { CookieSync } from './cookie-sync.js'

/** The core with values and the cookie. */
export interface CookieCore extends ValuesCore {
  readonly cookie: LiveCookie
  readonly cookieMembers: CookieMembers
  readonly cookieSync: CookieSync
}
