import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

export const stages = ['All', 'Main stage', 'Studio'] as const
export const fields = defineFields({
  stage: { schema: z.enum(stages), default: 'All', client: 'write', rooms: true },
  basket: { schema: z.array(z.string().max(40)).max(20), default: [], client: 'write', onLogin: 'newest' },
})

declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
    session: { userId?: string }
  }
}
