// The fields of the programs for pages.
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

export const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  cart: { schema: z.array(z.object({ sku: z.string() })), default: [], client: 'write' },
  note: { schema: z.string().optional(), client: 'write' },
  plan: { schema: z.string(), default: 'free' },
  risk: { schema: z.number(), default: 0, client: 'hidden' },
})
declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
  }
}
