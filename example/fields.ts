import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { ALL_DIVISIONS, isDivision } from './divisions.js'
import { themes } from './themes.js'

/** The synchronized values, equal in every request, socket, tab and device; declared once, for both sides. */
export const fields = defineFields({
  // In the URL, so that a link shares the view. Links are untrusted: the schema refuses unknown divisions.
  division: {
    schema: z.number().refine(isDivision),
    default: ALL_DIVISIONS,
    client: 'write',
    url: 'division',
    // Figures of a division go to the pages showing that division: live.room('division', 3).
    rooms: true,
  },
  // For users only: a guest must sign in to save.
  saved: { schema: z.number().refine(isDivision).nullable(), default: null, client: 'write', guests: 'read' },
  theme: { schema: z.enum(themes), default: 'auto', client: 'write', scope: 'browser' },
  // The form of a new project: each tab has its own.
  step: { schema: z.number().int().min(1).max(3), default: 1, client: 'write', scope: 'tab' },
  projectName: { schema: z.string().max(80), default: '', client: 'write', scope: 'tab' },
})

declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
  }
}
