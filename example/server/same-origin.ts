import type Koa from 'koa'

/** Refuses POSTs from other sites (CSRF). */
export const sameOrigin: Koa.Middleware = (ctx, next) => {
  const isReading = ctx.method === 'GET' || ctx.method === 'HEAD'
  return isReading || isOwn(ctx) ? next() : ctx.throw(403, 'posted by another site')
}

function isOwn(ctx: Koa.Context): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  if (site !== '') return site === 'same-origin'
  // Over plain http, browsers send Sec-Fetch-Site to localhost only, but their Origin with every POST.
  return ctx.get('Origin') === `${ctx.protocol}://${ctx.host}`
}
