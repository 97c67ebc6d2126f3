import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

export const teas = ['Assam', 'Sencha', 'Mint'] as const
export type Tea = (typeof teas)[number]

export const fields = defineFields({
  cart: {
    schema: z.array(z.enum(teas)).max(20),
    default: [],
    client: 'write',
    onLogin: (account, browser) => [...account, ...browser].slice(0, 20),
  },
  theme: { schema: z.enum(['light', 'dark']), default: 'light', client: 'write', onLogin: 'drop' },
})

declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
  }
}
