import type Koa from 'koa'

/** The headers in which browsers say that a page may never be shown, and those of scripts, which cannot send all that browsers can. */
const PURPOSES: readonly string[] = ['Sec-Purpose', 'Purpose', 'X-Sec-Purpose', 'X-Purpose', 'X-Moz']

/** Returns whether a page is fetched before its visitor wants it, and perhaps never shown. */
export function isPrefetch(ctx: Koa.Context): boolean {
  return PURPOSES.some((name) => /prefetch|prerender|preview/i.test(ctx.get(name)))
}
