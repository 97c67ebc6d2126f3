import type Koa from 'koa'
import { isViewPath } from '../protocol.js'

/** Redirects the browser to the view of the POSTed form, and never to another site. */
export function goBack(ctx: Koa.Context): void {
  const referrer = ctx.get('Referer')
  const path = URL.canParse(referrer) ? new URL(referrer).pathname : '/'
  ctx.status = 303
  ctx.redirect(isViewPath(path) ? path : '/')
}
