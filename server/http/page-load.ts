// Classifies requests by their headers as prefetches, page loads, frames or service workers' fetches; clears prefetched pages.

import type Koa from 'koa'
import type { CookieOptions } from '../settings/settings.js'

/** The headers of browsers for speculative loads, and their `X-` variants for scripts, which cannot set the originals. */
const PURPOSES: readonly string[] = ['Sec-Purpose', 'Purpose', 'X-Sec-Purpose', 'X-Purpose', 'X-Moz']

/** Returns whether a page is loaded speculatively, and perhaps never shown. */
export function isPrefetch(ctx: Koa.Context): boolean {
  return PURPOSES.some((name) => /prefetch|prerender|preview/i.test(ctx.get(name)))
}

/**
 * Makes the browser drop the pages prefetched for the leaving visitor. `"cache"` would also drop all files of the site, and takes Chromium
 * seconds. Browsers accept the header only over https and from localhost; elsewhere Chromium reports an error.
 */
export function clearUnseenPages(ctx: Koa.Context): void {
  if (!ctx.secure && !/^(localhost|127(\.\d+){3}|\[::1\]|.+\.localhost)$/.test(ctx.hostname)) return
  const given = [ctx.res.getHeader('Clear-Site-Data') ?? []].flat()
  ctx.res.setHeader('Clear-Site-Data', [...given, '"prefetchCache"', '"prerenderCache"'].join(', '))
}

/**
 * Returns the purpose of a request, its `Sec-Fetch-Dest`; `''` if unknown. Over plain http, browsers send no `Sec-Fetch-Dest`. There,
 * `Upgrade-Insecure-Requests` marks the navigation of a page or a frame: a script of another origin cannot set it without a preflight.
 *
 * A frame differs from a document, because any site can embed a hidden frame. With partitioned cookies, a frame counts as a document,
 * because its visitor belongs to the embedding site.
 */
export function destinationOf(ctx: Koa.Context, { partitioned }: CookieOptions): string {
  const destination = ctx.get('Sec-Fetch-Dest').toLowerCase()
  if (destination === '' && ctx.get('Upgrade-Insecure-Requests') === '1') return 'document'
  return partitioned && destination === 'iframe' ? 'document' : destination
}

/** Returns whether a service worker fetches a page or a frame: other scripts cannot send the mode `navigate`. */
export function isWorkerNavigation(ctx: Koa.Context): boolean {
  return ctx.get('Sec-Fetch-Dest').toLowerCase() === 'empty' && ctx.get('Sec-Fetch-Mode') === 'navigate'
}
