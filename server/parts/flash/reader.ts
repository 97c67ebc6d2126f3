import type Koa from 'koa'
import { isClosed } from '../../kernel/requests/arrival.js'
import { isOwnPost, originClaims } from '../../kernel/requests/origin.js'
import { isPrefetch } from '../../kernel/requests/prefetch.js'

/** What shows a message: a page that loads, or a script of one that is open. */
export type Reader = 'page' | 'script'

/**
 * What a person sees the answer of a request in; nothing where it may never be seen. A page that is fetched ahead may never be shown, a HEAD has
 * no body, and frames, and what scripts of other origins fetch, any site can hide in a page of its own. A page that was loaded again has closed
 * the connection of its former request, of which the app's code goes on.
 *
 * @param origins those that are trusted as our own
 */
export function readerOf(ctx: Koa.Context, origins: readonly string[]): Reader | undefined {
  if (ctx.method === 'HEAD' || isPrefetch(ctx) || isClosed(ctx.res)) return undefined
  const destination = ctx.get('Sec-Fetch-Dest').toLowerCase()
  // Browsers do not say it without https.
  if (destination === '' || destination === 'document') return 'page'
  if (destination !== 'empty' || !isOwnPost(originClaims(ctx), origins)) return undefined
  // A service worker fetches pages so.
  return ctx.get('Sec-Fetch-Mode') === 'navigate' ? 'page' : 'script'
}
