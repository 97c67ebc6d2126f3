// fields.ts: the values, declared once for both sides
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

export const divisions = ['All', 'Film', 'Design', 'Events'] as const
export type Division = (typeof divisions)[number]

export const fields = defineFields({
  division: { schema: z.enum(divisions), default: 'All', client: 'write' },
})

declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
  }
}
