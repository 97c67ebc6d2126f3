import Koa from 'koa'
import session from 'koa-session'
import type { SigningKeys } from '../names/keys.js'
import { encode } from './cookie-text.js'

/** 400 days: browsers keep no cookie longer (RFC 6265bis, 5.5). */
const MAX_EXPIRES = 400 * 24 * 60 * 60 * 1000

/** The options of the live cookie. */
export interface CookieOptions {
  readonly name: string
  /** ms for which it is valid. */
  readonly maxAge: number
  /** The browser gets no expiry time, and keeps the cookie until it is closed. */
  readonly endsWithBrowser: boolean
  readonly sameSite: 'strict' | 'lax' | 'none'
  readonly secure: boolean | undefined
  readonly domain: string | undefined
  /** Each site that embeds the app has a cookie of its own (CHIPS). */
  readonly partitioned: boolean
}

/** Creates an app of its own for koa-session, so that it can never overwrite the app's `ctx.session`, nor be overwritten by it. */
export function createWriter(keys: SigningKeys, given: CookieOptions): Koa {
  const { name, endsWithBrowser } = given
  const writer = new Koa()
  Object.assign(writer, { keys })
  const maxAge = endsWithBrowser ? 'session' : Math.min(given.maxAge, MAX_EXPIRES)
  session({ key: name, maxAge, encode: encodeSession, ...chosen(given) }, writer)
  return writer
}

/** Returns the attributes that the app has chosen: those left out depend on the request. */
export function chosen({ sameSite, secure, domain, partitioned }: CookieOptions): Partial<CookieOptions> {
  return {
    sameSite,
    partitioned,
    ...(secure === undefined ? {} : { secure }),
    ...(domain === undefined ? {} : { domain }),
  }
}

/** Returns the cookie's attributes as sent when it has all of them. */
export function attributesOf({ sameSite, domain, partitioned }: CookieOptions): string {
  const attributes = `; path=/; expires=${new Date(0).toUTCString()}; samesite=${sameSite}; secure; httponly`
  return `${attributes}${partitioned ? '; partitioned' : ''}${domain === undefined ? '' : `; domain=${domain}`}`
}

function encodeSession({ _expire, _maxAge, _session, ...payload }: Record<string, unknown>): string {
  return encode(payload)
}
