import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { MAX_NOTE, papers, sizes } from './choices.js'

export const fields = defineFields({
  paper: { schema: z.enum(papers), default: 'cream', client: 'write' },
  size: { schema: z.enum(sizes), default: 'medium', client: 'write' },
  note: { schema: z.string().max(MAX_NOTE), default: '', client: 'write' },
})

declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
  }
}
