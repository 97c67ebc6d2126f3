import type Koa from 'koa'
import { isViewPath } from '../protocol.js'

/** Redirects the browser to the view that a form was posted from, and only ever to one of our views. */
export function goBack(ctx: Koa.Context): void {
  const referrer = ctx.get('Referer')
  const path = URL.canParse(referrer) ? new URL(referrer).pathname : '/'
  ctx.status = 303
  ctx.redirect(isViewPath(path) ? path : '/')
}
