import type Koa from 'koa'

/** No form of ours is longer. */
const MAX_BYTES = 1000

/** The fields of a posted form. */
export async function readForm(ctx: Koa.Context): Promise<URLSearchParams> {
  ctx.assert(ctx.is('urlencoded'), 415)
  ctx.assert(ctx.request.length !== undefined && ctx.request.length <= MAX_BYTES, 413)
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req) chunks.push(Buffer.from(chunk))
  return new URLSearchParams(Buffer.concat(chunks).toString())
}
