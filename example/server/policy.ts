import type { Server as HttpServer } from 'node:http'
import type Koa from 'koa'

/** Allows no inline script or style: the page's only inline script is inert JSON, to which the policy does not apply. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  // `/two` shows two tabs of its own.
  "frame-ancestors 'self'",
].join('; ')

const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  // Forms need the referrer to redirect back; `no-referrer` would also make their Origin `null`.
  'Referrer-Policy': 'same-origin',
}

/** Sets the security headers. */
export const policy: Koa.Middleware = (ctx, next) => {
  ctx.set(HEADERS)
  return next()
}

/** Sets the security headers in all responses of a server, whatever its framework. */
export function setPolicy(http: HttpServer): void {
  http.prependListener('request', (_, res) => res.setHeaders(new Map(Object.entries(HEADERS))))
}
