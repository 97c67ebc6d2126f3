import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

const join = (account: readonly string[], browser: readonly string[]): readonly string[] => [...account, ...browser]

/** One field of each kind that a browser can tell apart. */
export const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  theme: { schema: z.string(), default: 'light', client: 'write', scope: 'browser' },
  cart: { schema: z.array(z.string()), default: [], client: 'write', maxBytes: 1500, onLogin: join },
  role: { schema: z.string(), default: 'guest' },
})
export type SiteFields = typeof fields
