import type Koa from 'koa'

/** No inline script or style is needed: the page's one inline script is inert JSON, which the policy is not about. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** What every answer tells the browser to refuse. */
export const policy: Koa.Middleware = (ctx, next) => {
  ctx.set('Content-Security-Policy', POLICY)
  ctx.set('X-Content-Type-Options', 'nosniff')
  // The forms find their way back by it; `no-referrer` would also make their Origin `null`.
  ctx.set('Referrer-Policy', 'same-origin')
  return next()
}
