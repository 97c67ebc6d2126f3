import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

export const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  draft: { schema: z.string(), default: '', client: 'write', cookie: false },
  cart: { schema: z.array(z.string()), default: [], client: 'write' },
  role: { schema: z.string(), default: '' },
  secret: { schema: z.string(), default: '', client: 'hidden' },
})
