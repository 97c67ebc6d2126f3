// Decides by headers whether a request is a prefetch, a page load, a frame or a service worker's fetch.

import type Koa from 'koa'
import type { CookieOptions } from '../settings/settings.js'

/** The headers with which browsers mark speculative loads. Scripts cannot set the originals, so they use the `X-` variants. */
const PURPOSES: readonly string[] = ['Sec-Purpose', 'Purpose', 'X-Sec-Purpose', 'X-Purpose', 'X-Moz']

/** Returns whether the browser loads a page speculatively, and may never show it. */
export function isPrefetch(ctx: Koa.Context): boolean {
  return PURPOSES.some((name) => /prefetch|prerender|preview/i.test(ctx.get(name)))
}

/**
 * Makes the browser drop the pages that it has prefetched for the leaving visitor. The directive `"cache"` would also drop all files of the
 * site, which takes Chromium seconds. Browsers accept the header only over https and from localhost; elsewhere Chromium reports an
 * error.
 */
export function clearUnseenPages(ctx: Koa.Context): void {
  if (!ctx.secure && !/^(localhost|127(\.\d+){3}|\[::1\]|.+\.localhost)$/.test(ctx.hostname)) return
  const given = [ctx.res.getHeader('Clear-Site-Data') ?? []].flat()
  ctx.res.setHeader('Clear-Site-Data', [...given, '"prefetchCache"', '"prerenderCache"'].join(', '))
}

/**
 * Returns the destination of a request by `Sec-Fetch-Dest`; `''` if unknown. Over plain http, browsers do not send this header. There,
 * `Upgrade-Insecure-Requests` marks the navigation of a page or a frame. A script of another origin cannot set that header without a
 * preflight.
 *
 * A frame does not count as a document, because any site can embed a hidden frame. With partitioned cookies it does, because the frame's
 * visitor belongs to the embedding site.
 */
export function destinationOf(ctx: Koa.Context, { partitioned }: CookieOptions): string {
  const destination = ctx.get('Sec-Fetch-Dest').toLowerCase()
  if (destination === '' && ctx.get('Upgrade-Insecure-Requests') === '1') return 'document'
  return partitioned && destination === 'iframe' ? 'document' : destination
}

/** Returns whether a service worker fetches a page or a frame. Other scripts cannot send the mode `navigate`. */
export function isWorkerNavigation(ctx: Koa.Context): boolean {
  return ctx.get('Sec-Fetch-Dest').toLowerCase() === 'empty' && ctx.get('Sec-Fetch-Mode') === 'navigate'
}
