// fields.ts: declared once, for both sides
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
export const fields = defineFields({ division: { schema: z.number().int(), default: -1, client: 'write' } })
declare module 'koa-live-session/fields' { interface Register { fields: typeof fields } }
