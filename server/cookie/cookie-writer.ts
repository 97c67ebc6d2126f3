import Koa from 'koa'
import session from 'koa-session'
import type { SigningKeys } from '../ids/keys.js'
import type { CookieOptions } from '../settings/settings.js'
import { encode } from './cookie-text.js'

/** 400 days: the limit of browsers (RFC 6265bis, 5.5). */
const MAX_EXPIRES = 400 * 24 * 60 * 60 * 1000

/** Creates a separate Koa app for koa-session, so that it cannot clash with the app's own `ctx.session`. */
export function createWriter(keys: SigningKeys, given: CookieOptions): Koa {
  const { name, endsWithBrowser } = given
  const writer = new Koa()
  Object.assign(writer, { keys })
  const maxAge = endsWithBrowser ? 'session' : Math.min(given.maxAge, MAX_EXPIRES)
  session({ key: name, maxAge, encode: encodeSession, ...chosen(given) }, writer)
  return writer
}

/** Returns the attributes that the options determine: `secure` depends on the request unless set. */
export function chosen({ sameSite, secure, domain, partitioned }: CookieOptions): Partial<CookieOptions> {
  return {
    sameSite,
    partitioned,
    ...(secure === undefined ? {} : { secure }),
    ...(domain === undefined ? {} : { domain }),
  }
}

/** Returns the attributes as sent, at their longest. */
export function attributesOf({ sameSite, domain, partitioned }: CookieOptions): string {
  const attributes = `; path=/; expires=${new Date(0).toUTCString()}; samesite=${sameSite}; secure; httponly`
  return `${attributes}${partitioned ? '; partitioned' : ''}${domain === undefined ? '' : `; domain=${domain}`}`
}

/** Omits the members of koa-session: the payload has its own `exp`. */
function encodeSession({ _expire, _maxAge, _session, ...payload }: Record<string, unknown>): string {
  return encode(payload)
}
