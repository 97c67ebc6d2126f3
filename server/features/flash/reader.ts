// Decides whether a response's receiver, a page load or a script, may show flash messages.

import type Koa from 'koa'
import { isOwnPost, originClaims } from '../../http/origin.js'
import { destinationOf, isPrefetch, isWorkerNavigation } from '../../http/page-load.js'
import { isClosed } from '../../identity/rotations.js'
import type { CookieOptions } from '../../settings/settings.js'

interface Trusted {
  /** The origins trusted like our own. */
  readonly origins: readonly string[]
  readonly cookie: CookieOptions
}

/** The receiver of a response: a page load, or a script in an open page. */
export type Reader = 'page' | 'script'

/**
 * Returns the receiver of the response; undefined if the response may never be visible. A prefetched page may stay hidden, a HEAD response
 * has no body, and any site can hide our pages in frames or in its scripts' fetches. When a visitor reloads a page, the browser closes the
 * former request's connection, while the app's code still runs.
 */
export function readerOf(ctx: Koa.Context, { origins, cookie }: Trusted): Reader | undefined {
  if (ctx.method === 'HEAD' || isPrefetch(ctx) || isClosed(ctx.res)) return undefined
  const destination = destinationOf(ctx, cookie)
  if (destination === 'document') return 'page'
  if (!['', 'empty'].includes(destination) || !isOwnPost(originClaims(ctx), origins)) return undefined
  // Clients other than browsers send no destination.
  return destination === '' || isWorkerNavigation(ctx) ? 'page' : 'script'
}
