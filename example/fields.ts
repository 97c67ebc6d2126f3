import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { ALL_DIVISIONS, isDivision } from './divisions.js'
import { themes } from './themes.js'

/** What is the same in every request, socket, tab and device; declared once, for both sides. */
export const fields = defineFields({
  // In the address: a link shares what is seen. Links are made by strangers, too: the schema takes no division that is not there.
  division: { schema: z.number().refine(isDivision), default: ALL_DIVISIONS, client: 'write', url: 'division' },
  theme: { schema: z.enum(themes), default: 'auto', client: 'write', scope: 'browser' },
})

declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
  }
}
