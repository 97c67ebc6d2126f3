import type Koa from 'koa'

/** Seconds after which a page that is used POSTs where it is not told otherwise. */
const USUALLY = 300
/** How often at least, within the shortest life that is known. */
const TIMES = 4

/**
 * When a page is to renew what lasts for so long after the last request: the live cookie, and the app's own session, as far as
 * koa-session keeps it. In seconds; nothing where that is as usual.
 *
 * @param maxAge ms, of the live cookie
 */
export function renewalOf(ctx: Koa.Context, maxAge: number): number | undefined {
  const own: unknown = ctx['sessionOptions']?.maxAge
  const life = Math.min(maxAge, typeof own === 'number' ? own : maxAge)
  const seconds = Math.floor(life / 1000 / TIMES)
  return seconds < USUALLY ? Math.max(1, seconds) : undefined
}
