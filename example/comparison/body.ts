import { text } from 'node:stream/consumers'
import type { Context } from 'koa'

const MAX_BYTES = 10_000

/** Returns the body of a POST from a page of this site. */
export async function bodyOf(ctx: Context): Promise<string> {
  if (ctx.get('origin') !== ctx.URL.origin) ctx.throw(403)
  if (!((ctx.request.length ?? Number.POSITIVE_INFINITY) <= MAX_BYTES)) ctx.throw(413)
  return text(ctx.req)
}

/** Returns the user named in the sign-in form. A real app checks a password here. */
export async function userIn(ctx: Context): Promise<string> {
  const user = new URLSearchParams(await bodyOf(ctx)).get('user')
  return user === null || user === '' ? ctx.throw(400) : user
}
