import Koa from 'koa'
import { LiveCookie } from '../../../server/cookie/cookie.js'
import { GuestMemory } from '../../../server/memory/guest-memory.js'
import type { CookieOptions } from '../../../server/settings/settings.js'
import type { SigningKeys } from '../../../server/subjects/signing-keys.js'

/** Returns the live cookie of a process in which nobody has been revoked. */
export function liveCookie(keys: SigningKeys, cookie: CookieOptions, clock: () => number): LiveCookie {
  return new LiveCookie(new Koa(), keys, {
    settings: { cookie, clock, warn: () => undefined },
    guestMemory: new GuestMemory(64_000_000),
    memos: { dropAll: () => undefined },
    ends: { validityOf: () => 'current' },
  })
}
