import type Koa from 'koa'
import { isViewPath } from '../protocol.js'

/** Sends the browser back to the view that a form was posted from: only ever to a view of ours. */
export function goBack(ctx: Koa.Context): void {
  const referrer = ctx.get('Referer')
  const path = URL.canParse(referrer) ? new URL(referrer).pathname : '/'
  ctx.status = 303
  ctx.redirect(isViewPath(path) ? path : '/')
}
