import type Koa from 'koa'
import type { CookieOptions } from '../cookie/cookie-writer.js'

/** The headers in which browsers say that a page may never be shown, and those of scripts, which cannot send all that browsers can. */
const PURPOSES: readonly string[] = ['Sec-Purpose', 'Purpose', 'X-Sec-Purpose', 'X-Purpose', 'X-Moz']

/** Returns whether a page is fetched before its visitor wants it, and perhaps never shown. */
export function isPrefetch(ctx: Koa.Context): boolean {
  return PURPOSES.some((name) => /prefetch|prerender|preview/i.test(ctx.get(name)))
}

/**
 * Returns what the browser wants a response for, its `Sec-Fetch-Dest`; `''` without https, where browsers do not send it. Any site can hide a
 * frame in its page. Where cookies are partitioned a frame counts as a document: it is only ever the embedding site's own visitor.
 */
export function destinationOf(ctx: Koa.Context, { partitioned }: CookieOptions): string {
  const destination = ctx.get('Sec-Fetch-Dest').toLowerCase()
  return partitioned && destination === 'iframe' ? 'document' : destination
}
