import type Koa from 'koa'
import type { CookieOptions } from '../cookie/cookie-writer.js'

/** The headers in which browsers say that a page may never be shown, and those of scripts, which cannot send all that browsers can. */
const PURPOSES: readonly string[] = ['Sec-Purpose', 'Purpose', 'X-Sec-Purpose', 'X-Purpose', 'X-Moz']

/** Returns whether a page is fetched before its visitor wants it, and perhaps never shown. */
export function isPrefetch(ctx: Koa.Context): boolean {
  return PURPOSES.some((name) => /prefetch|prerender|preview/i.test(ctx.get(name)))
}

/**
 * Makes the browser drop the pages that it prefetched for the leaving visitor. `"cache"` would also drop all files of the site, and takes
 * Chromium seconds. Browsers accept the header over https and from this machine only; elsewhere Chromium reports an error.
 */
export function clearUnseenPages(ctx: Koa.Context): void {
  if (!ctx.secure && !/^(localhost|127(\.\d+){3}|\[::1\]|.+\.localhost)$/.test(ctx.hostname)) return
  const given = [ctx.res.getHeader('Clear-Site-Data') ?? []].flat()
  ctx.res.setHeader('Clear-Site-Data', [...given, '"prefetchCache"', '"prerenderCache"'].join(', '))
}

/**
 * Returns what the browser wants a response for, its `Sec-Fetch-Dest`. Without https browsers do not send it: there only navigations, also
 * of frames, have `Upgrade-Insecure-Requests`, which a script of another origin cannot send without a preflight; `''` if neither is there.
 * Any site can hide a frame in its page. Where cookies are partitioned a frame counts as a document: it is only ever the embedding site's
 * own visitor.
 */
export function destinationOf(ctx: Koa.Context, { partitioned }: CookieOptions): string {
  const destination = ctx.get('Sec-Fetch-Dest').toLowerCase()
  if (destination === '' && ctx.get('Upgrade-Insecure-Requests') === '1') return 'document'
  return partitioned && destination === 'iframe' ? 'document' : destination
}
