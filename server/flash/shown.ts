import type Koa from 'koa'
import { isClosed } from '../http/arrival.js'
import { isEarly } from '../http/early.js'

/** What a browser asks for to show it, or has a script ask for. */
const SHOWN: readonly string[] = ['', 'document', 'iframe', 'frame', 'fencedframe', 'object', 'embed', 'empty']

/**
 * Whether a person may see the answer of a request. A page that is fetched ahead may never be shown, a HEAD has no body, and an image, or a
 * script, shows no message, though the same middleware of the app may run for it. A page that was loaded again has closed the connection of
 * its former request, of which the app's code goes on.
 */
export function isShown(ctx: Koa.Context): boolean {
  if (ctx.method === 'HEAD' || !SHOWN.includes(ctx.get('Sec-Fetch-Dest').toLowerCase())) return false
  return !isEarly(ctx) && !isClosed(ctx.res)
}
