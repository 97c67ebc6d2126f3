import { defineFields } from 'koa-live-session/fields'
import { array, integer, number, pipe, string } from 'valibot'

const join = (account: readonly string[], browser: readonly string[]): readonly string[] => [...account, ...browser]

/** A field of each kind. Tests start the server often, and Valibot loads faster than Zod. */
export const fields = defineFields({
  division: { schema: pipe(number(), integer()), default: -1, client: 'write' },
  theme: { schema: string(), default: 'light', client: 'write', scope: 'browser' },
  cart: { schema: array(string()), default: [], client: 'write', maxBytes: 1500, onLogin: join },
  role: { schema: string(), default: 'guest' },
})
export type SiteFields = typeof fields
