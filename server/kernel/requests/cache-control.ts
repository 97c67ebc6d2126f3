import type { ServerResponse } from 'node:http'
import type { Warn } from '../report.js'

const NOT_SHARED =
  'Cache-Control: expected nothing that lets shared caches keep an answer whose request used values, received public, ' +
  's-maxage or a header for a CDN. The answer went out as private: it is of one visitor. For an answer that is the same ' +
  'for all, read no values'

/** Let an answer be kept for other visitors; `must-understand` sets `no-store` aside (RFC 9111, 5.2.2). */
const SHARED = new Set(['public', 's-maxage', 'must-understand'])
/** What caches in front of an app go by rather than by Cache-Control: RFC 9213, and what was there before it. */
const TARGETED = new Set([
  'cdn-cache-control',
  'cloudflare-cdn-cache-control',
  'vercel-cdn-cache-control',
  'netlify-cdn-cache-control',
  'akamai-cache-control',
  'surrogate-control',
  'edge-control',
  'x-accel-expires',
])

/**
 * Has no cache between give the answer to another visitor, whatever the app says of it. Warns where the app meant it for such
 * caches.
 *
 * @param isForOnce it brings a cookie, or shows what is shown once: no cache keeps it
 */
export function keepFromSharedCaches(res: ServerResponse, isForOnce: boolean, warn: Warn): void {
  const given = res.getHeader('Cache-Control')
  const text = given === undefined ? undefined : [given].flat().join(', ')
  let isShared = text !== undefined && directives(text).some((one) => SHARED.has(nameOf(one)))
  for (const name of res.getHeaderNames()) {
    if (!TARGETED.has(name)) continue
    res.removeHeader(name)
    isShared = true
  }
  if (isForOnce) res.setHeader('Cache-Control', 'no-store')
  else if (text === undefined) res.setHeader('Cache-Control', 'private')
  else res.setHeader('Cache-Control', privateCacheControl(text))
  if (isShared) warn(NOT_SHARED)
}

/** The same Cache-Control for the visitor's own browser alone: what says how that may keep the answer stays. */
export function privateCacheControl(given: string): string {
  const all = directives(given)
  const kept = all.filter((one) => !SHARED.has(nameOf(one)) && !isQualified(one))
  const isPrivate = kept.some((one) => ['private', 'no-store'].includes(nameOf(one)))
  if (isPrivate && kept.length === all.length) return given
  return (isPrivate ? kept : ['private', ...kept]).join(', ')
}

/** `private="set-cookie"` keeps that header from others, and no more. */
function isQualified(directive: string): boolean {
  return nameOf(directive) === 'private' && directive.includes('=')
}

/** Commas within quotes are no ends. */
function directives(text: string): readonly string[] {
  const found = text.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? []
  return found.map((one) => one.trim()).filter((one) => one !== '')
}

function nameOf(directive: string): string {
  return directive.replace(/=.*/s, '').trim().toLowerCase()
}
