import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

export const fields = defineFields({ list: { schema: z.array(z.string()), default: [], client: 'write' } })
