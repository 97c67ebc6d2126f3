// Signs live cookies with given visitors and values, for requests in tests.

import {
  browserSubject,
  isBrowserId,
  newBrowserId,
  subjectHash,
  type UserId,
  userSubject,
} from '../server/ids/subject.js'
import { coreOf } from '../server/plugin.js'
import type { LiveSessionPlugin } from '../server/plugin-types.js'
import type { Field } from '../shared/field.js'
import type { Fields } from '../shared/field-types.js'
import { NEVER, nextStamp } from '../shared/stamp.js'
import { acceptGiven, type Given } from './given.js'

/** The sender and contents of a cookie. */
export interface CookieVisitor<F extends Fields> {
  /**
   * The signed-in user; a guest if omitted. The cookie alone is no sign-in: the request must also have the credentials that your `identify`
   * reads, such as a session cookie or a header. Otherwise the visitor is a guest, and a warning is logged.
   */
  readonly userId?: UserId
  /** The browser's id: 22 to 64 characters of base64url. A new id if omitted. */
  readonly browserId?: string
  /** The values in the cookie by key; other keys have their defaults. */
  readonly values?: Given<F>
}

/**
 * Returns a signed `Cookie` header for supertest, fetch or `extraHeaders`, with this visitor and these values, stamped now.
 *
 * @param live the plugin from `liveSession()`
 * @param visitor `{}` for a guest without values
 * @throws {LiveSessionError} `invalid_value`, `too_large` or `undeclared_key`
 * @throws {TypeError} for an invalid `browserId` or `userId`, and for a field outside the cookie
 * @example
 * await request(server).get('/').set('Cookie', cookieFor(live, { values: { division: 3 } }))
 */
export function cookieFor<F extends Fields>(
  live: LiveSessionPlugin<F, boolean>,
  { userId, browserId = newBrowserId(), values = {} }: CookieVisitor<F>,
): string {
  if (!isBrowserId(browserId)) {
    throw new TypeError('koa-live-session: cookieFor: browserId: expected 22 to 64 characters of base64url')
  }
  const { cookie, handshakeMismatches, epochs, values: inMemory, settings } = coreOf(live)
  const accepted = acceptGiven(inMemory.fields, values, 'cookieFor')
  const registers = Array.from(accepted, ([field, value]) => {
    if (!field.inCookie) {
      throw new TypeError(`koa-live-session: cookieFor: "${field.key}" is not in the cookie. ${placeOf(field, userId)}`)
    }
    return { key: field.key, stamp: nextStamp(settings.clock(), NEVER), value }
  })
  const user = userId === undefined ? undefined : userSubject(userId, 'cookieFor: userId')
  if (user !== undefined) handshakeMismatches.expectUser(browserSubject(browserId))
  const content = { browser: browserId, user: user && subjectHash(user), registers }
  return cookie.header({ ...content, ...epochs.signed(user) })
}

/** Returns the advice for a value outside the cookie. */
function placeOf({ scope }: Field, userId: UserId | undefined): string {
  if (scope === 'tab')
    return "Only its tab's socket has it: set it there with socket.liveSession, or test with memorySession"
  if (scope === 'user' && userId !== undefined) return 'For a value in memory or in the store use live.user(id)'
  return 'Set it with ctx.liveSession in a request of this browser'
}
