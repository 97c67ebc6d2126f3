// Decides the Cache-Control of responses with a visitor's values, and removes the headers that only CDNs obey.

import type { ServerResponse } from 'node:http'
import type { Warn } from '../settings/report.js'

const NOT_SHARED =
  "Cache-Control: expected private, because the answer has a visitor's values, received public, s-maxage or a header for a CDN. " +
  'The answer went out for this visitor alone. For an answer that is the same for all, read no values'

/** Directives that allow sharing a response between visitors; `must-understand` overrides `no-store` (RFC 9111, 5.2.2). */
const SHARED = new Set(['public', 's-maxage', 'must-understand'])
/** Headers that CDNs obey instead of Cache-Control: those of RFC 9213 and their predecessors. */
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
 * Prevents shared caches from giving the response to another visitor, regardless of the app's headers. Warns if those headers allow
 * sharing.
 *
 * @param isOneTime whether no cache may store the response, because the response sets a cookie or shows a one-time message
 */
export function keepFromSharedCaches(res: ServerResponse, isOneTime: boolean, warn: Warn): void {
  const given = res.getHeader('Cache-Control')
  const text = given === undefined ? undefined : [given].flat().join(', ')
  let isShared = text !== undefined && directives(text).some((one) => SHARED.has(directiveName(one)))
  for (const name of res.getHeaderNames()) {
    if (!TARGETED.has(name)) continue
    res.removeHeader(name)
    isShared = true
  }
  if (isOneTime) res.setHeader('Cache-Control', 'no-store')
  else if (text === undefined) res.setHeader('Cache-Control', 'private')
  else res.setHeader('Cache-Control', privateCacheControl(text))
  if (isShared) warn(NOT_SHARED)
}

/** Changes a Cache-Control so that only the visitor's own browser may cache. Keeps the directives for browsers. */
export function privateCacheControl(given: string): string {
  const all = directives(given)
  const kept = all.filter((one) => !SHARED.has(directiveName(one)) && !isQualified(one))
  const isPrivate = kept.some((one) => ['private', 'no-store'].includes(directiveName(one)))
  if (isPrivate && kept.length === all.length) return given
  return (isPrivate ? kept : ['private', ...kept]).join(', ')
}

/** Returns whether the directive is a `private` such as `private="set-cookie"`, which restricts only the named header. */
function isQualified(directive: string): boolean {
  return directiveName(directive) === 'private' && directive.includes('=')
}

/** Splits a Cache-Control into its directives. Commas within quotes do not separate directives. */
function directives(text: string): readonly string[] {
  const found = text.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? []
  return found.map((one) => one.trim()).filter((one) => one !== '')
}

function directiveName(directive: string): string {
  return directive.replace(/=.*/s, '').trim().toLowerCase()
}
