import type Koa from 'koa'
import type { CookieOptions } from '../../kernel/cookie/cookie-writer.js'
import { isOwnPost, originClaims } from '../../kernel/requests/origin.js'
import { destinationOf, isPrefetch } from '../../kernel/requests/prefetch.js'
import { isClosed } from '../../kernel/visitors/arrival.js'

interface Trusted {
  /** Those trusted like our own. */
  readonly origins: readonly string[]
  readonly cookie: CookieOptions
}

/** What shows a message: a page that loads, or a script of an open one. */
export type Reader = 'page' | 'script'

/**
 * Returns what shows the response to a person; undefined if it may never be seen. A prefetched page may never be shown, a HEAD response has
 * no body, and any site can hide in its own page frames and what scripts of other origins fetch. A reloaded page has closed the connection
 * of its former request, for which the app's code still runs.
 */
export function readerOf(ctx: Koa.Context, { origins, cookie }: Trusted): Reader | undefined {
  if (ctx.method === 'HEAD' || isPrefetch(ctx) || isClosed(ctx.res)) return undefined
  const destination = destinationOf(ctx, cookie)
  if (destination === 'document') return 'page'
  if (!['', 'empty'].includes(destination) || !isOwnPost(originClaims(ctx), origins)) return undefined
  // A service worker fetches pages with the mode `navigate`. Clients other than browsers send neither header.
  return destination === '' || ctx.get('Sec-Fetch-Mode') === 'navigate' ? 'page' : 'script'
}
