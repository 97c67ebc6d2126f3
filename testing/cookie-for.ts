// Signs live cookies with given visitors and values, for requests in tests.

import { readable } from '../server/cookie/content.js'
import type { Core } from '../server/core.js'
import { coreOf } from '../server/plugin.js'
import {
  type BrowserId,
  isBrowserId,
  newBrowserId,
  subjectHash,
  type UserId,
  userSubject,
} from '../server/subjects/subject.js'
import type { LiveSessionPlugin } from '../server/types/live.js'
import type { Field } from '../shared/field.js'
import { NEVER, nextStamp } from '../shared/stamp.js'
import type { Fields } from '../shared/types.js'
import type { Given } from './given.js'
import { acceptTestValues } from './test-values.js'

/** The visitor and the values of a cookie. */
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
  const core = coreOf(live)
  const { cookie, ends, values: inMemory, settings } = core
  const accepted = acceptTestValues(inMemory.fields, values, 'cookieFor')
  const registers = Array.from(accepted, ([field, value]) => {
    if (!field.inCookie) {
      throw new TypeError(`koa-live-session: cookieFor: "${field.key}" is not in the cookie. ${placeOf(field, userId)}`)
    }
    return { key: field.key, stamp: nextStamp(settings.clock(), NEVER), value }
  })
  const user = userId === undefined ? undefined : userSubject(userId, 'cookieFor: userId')
  if (user !== undefined) expectUser(core, browserId)
  const content = { browser: browserId, user: user && subjectHash(user), registers }
  return cookie.header({ ...content, ...ends.signed(user) })
}

const UNSIGNED =
  'identify did not name the user of a cookie that cookieFor({ userId }) made, so the visitor is another one: expected the request to ' +
  'bring all that identify reads, such as the session cookie of a sign-in'

/** By core, the browsers whose cookies name a user. */
const expected = new WeakMap<Core, Set<BrowserId>>()

/** Warns, once per cookie, if `identify` does not name the cookie's user. */
function expectUser(core: Core, browser: BrowserId): void {
  const known = expected.get(core)
  const browsers = known ?? new Set()
  expected.set(core, browsers.add(browser))
  if (known) return
  const { identities } = core
  const identify = identities.recognize.bind(identities)
  identities.recognize = (read, user) => {
    const identified = identify(read, user)
    const received = readable(read)
    if (identified.cookieStatus === 'other' && received && browsers.delete(received.browser))
      core.settings.warn(UNSIGNED)
    return identified
  }
}

/** Returns the advice for a value outside the cookie. */
function placeOf({ scope }: Field, userId: UserId | undefined): string {
  if (scope === 'tab')
    return "Only its tab's socket has it: set it there with socket.liveSession, or test with memorySession"
  if (scope === 'user' && userId !== undefined) return 'For a value in memory or in the store use live.user(id)'
  return 'Set it with ctx.liveSession in a request of this browser'
}
