import type Koa from 'koa'

/** The most bytes of a form: none of our forms is longer. */
const MAX_BYTES = 1000

/** Returns the fields of a posted form. `takeHandOff` stores the parsed body in `ctx.request.body`, as body parsers do. */
export async function readForm(ctx: Koa.Context): Promise<URLSearchParams> {
  ctx.assert(ctx.is('urlencoded'), 415)
  ctx.assert(ctx.request.length !== undefined && ctx.request.length <= MAX_BYTES, 413)
  const body: unknown = Reflect.get(ctx.request, 'body')
  if (typeof body === 'object' && body !== null) return fromFields(body)
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req) chunks.push(Buffer.from(chunk))
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

function fromFields(fields: object): URLSearchParams {
  const all = Object.entries(fields).flatMap(([name, values]) => [values].flat().map((value) => [name, String(value)]))
  return new URLSearchParams(all)
}
