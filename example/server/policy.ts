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

/** Sets the security headers. */
export const policy: Koa.Middleware = (ctx, next) => {
  ctx.set('Content-Security-Policy', POLICY)
  ctx.set('X-Content-Type-Options', 'nosniff')
  // Forms need the referrer to redirect back; `no-referrer` would also make their Origin `null`.
  ctx.set('Referrer-Policy', 'same-origin')
  return next()
}
