import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { MAX_CUPS, teas } from './teas.js'

export const fields = defineFields({
  cups: { schema: z.number().int().min(1).max(MAX_CUPS), default: 2, client: 'write' },
  tea: { schema: z.enum(teas), default: 'Mint', client: 'write' },
})

declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
  }
}
