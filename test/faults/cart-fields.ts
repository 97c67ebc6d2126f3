import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

export const fields = defineFields({ cart: { schema: z.array(z.string()), default: [], client: 'write' } })
