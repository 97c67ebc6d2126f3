import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { ALL_DIVISIONS } from './divisions.js'
import { themes } from './themes.js'

/** What is the same in every request, socket, tab and device; declared once, for both sides. */
export const fields = defineFields({
  division: { schema: z.number().int(), default: ALL_DIVISIONS, client: 'write' },
  theme: { schema: z.enum(themes), default: 'auto', client: 'write', scope: 'browser' },
})

declare module 'koa-live-session' {
  interface Register {
    fields: typeof fields
  }
}
