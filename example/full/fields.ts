import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

export const stages = ['All', 'Main stage', 'Studio'] as const
export const fields = defineFields({
  stage: { schema: z.enum(stages), default: 'All', client: 'write', rooms: true },
  basket: { schema: z.array(z.string().max(40)).max(20), default: [], client: 'write', onLogin: 'newest' },
})

/** Yours: a table. */
export const shows = [
  { title: 'The Tempest', stage: 'Main stage', when: 'Friday, 19:30' },
  { title: 'Small Hours', stage: 'Studio', when: 'Friday, 20:00' },
  { title: 'The Seagull', stage: 'Main stage', when: 'Saturday, 19:30' },
] as const

declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
    session: { userId?: string }
  }
}
