// Sets up koa-session as the writer of the live cookie, with attributes from the options.

import Koa from 'koa'
import session from 'koa-session'
import type { CookieOptions } from '../settings/settings.js'
import type { SigningKeys } from '../subjects/signing-keys.js'
import { encode } from './content.js'

/** 400 days: the limit of browsers (RFC 6265bis, 5.5). */
const MAX_EXPIRES = 400 * 24 * 60 * 60 * 1000

/** Creates a separate Koa app for koa-session, which would otherwise clash with the app's own `ctx.session`. */
export function createWriter(keys: SigningKeys, given: CookieOptions): Koa {
  const { name, endsWithBrowser } = given
  const writer = new Koa()
  Object.assign(writer, { keys })
  const maxAge = endsWithBrowser ? 'session' : Math.min(given.maxAge, MAX_EXPIRES)
  session({ key: name, maxAge, encode: encodeSession, ...chosen(given) }, writer)
  return writer
}

/** Returns the attributes that the options set. Without the option `secure`, the request decides about that attribute. */
export function chosen({ sameSite, secure, domain, partitioned }: CookieOptions): Partial<CookieOptions> {
  return {
    sameSite,
    partitioned,
    ...(secure === undefined ? {} : { secure }),
    ...(domain === undefined ? {} : { domain }),
  }
}

/** Returns the longest text of attributes that a response may send. */
export function attributesOf({ sameSite, domain, partitioned }: CookieOptions): string {
  const attributes = `; path=/; expires=${new Date(0).toUTCString()}; samesite=${sameSite}; secure; httponly`
  return `${attributes}${partitioned ? '; partitioned' : ''}${domain === undefined ? '' : `; domain=${domain}`}`
}

/**
 * Returns the name of the cookie with a tab's tickets. Apps of one host share its cookies, so the name begins with the live cookie's name.
 * Omits the prefix, because browsers refuse `__Host-` from a script over plain http.
 */
export function tabCookieName({ name }: CookieOptions): string {
  return `${name.replace(/^__(Host|Secure)-/, '')}-tab`
}

/** Omits the members that koa-session adds, because the payload has an `exp` of its own. */
function encodeSession({ _expire, _maxAge, _session, ...payload }: Record<string, unknown>): string {
  return encode(payload)
}
