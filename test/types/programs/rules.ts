// onLogin rules: arguments have the schema's type; results may be mutable or readonly.
import { defineFields } from 'koa-live-session/fields'
import * as v from 'valibot'
import { z } from 'zod'
import { same } from './same.js'

const item = z.object({ sku: z.string(), count: z.number(), note: z.string().optional() })
type Item = { readonly sku: string; readonly count: number; readonly note?: string | undefined }

export const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  cart: {
    schema: z.array(z.string()),
    default: [],
    client: 'write',
    maxBytes: 500,
    onLogin: (account, browser) => {
      same<typeof account, readonly string[]>(true)
      same<typeof browser, readonly string[]>(true)
      return [...account, ...browser]
    },
  },
  items: {
    onLogin: (account, browser) => {
      same<typeof account, readonly Item[]>(true)
      const merged: Item[] = []
      for (const one of [...account, ...browser]) merged.push({ ...one, count: one.count + 1 })
      return merged
    },
    schema: z.array(item),
    default: [{ sku: 'a', count: 1 }],
    client: 'write',
  },
  theme: { schema: v.picklist(['light', 'dark']), default: 'light', client: 'write', onLogin: (_, browser) => browser },
  size: { schema: z.number().default(3), client: 'write', onLogin: Math.max },
  annotated: {
    schema: z.array(z.string()),
    default: [],
    onLogin: (account: readonly string[], browser: readonly string[]): string[] => account.concat(browser),
  },
  plain: { schema: z.string(), default: '', onLogin: 'newest', scope: 'browser' },
})
same<typeof fields.cart.client, 'write'>(true)
same<typeof fields.plain.scope, 'browser'>(true)

defineFields({
  // @ts-expect-error another type
  cart: { schema: z.array(z.string()), default: [], onLogin: (account, browser) => account.length + browser.length },
})
defineFields({
  // @ts-expect-error other items
  cart: { schema: z.array(z.string()), default: [], onLogin: (account) => account.map((one) => one.length) },
})
// @ts-expect-error a promise
defineFields({ cart: { schema: z.array(z.string()), default: [], onLogin: async (account) => account } })
// @ts-expect-error returns nothing
defineFields({ cart: { schema: z.array(z.string()), default: [], onLogin: () => undefined } })
defineFields({
  cart: {
    schema: z.array(z.string()),
    default: [],
    onLogin: (account, browser) => {
      // @ts-expect-error frozen
      account.push(...browser)
      return account
    },
  },
})
// @ts-expect-error no such rule
defineFields({ cart: { schema: z.array(z.string()), default: [], onLogin: 'join' } })
defineFields({
  good: { schema: z.array(z.string()), default: [], onLogin: (account) => account },
  // @ts-expect-error no default, beside a field with a rule
  cart: { schema: z.array(z.string()), onLogin: (account) => account },
})
// @ts-expect-error a default of another type, in a field with a rule
defineFields({ cart: { schema: z.array(z.string()), default: 5, onLogin: (account) => account } })
// @ts-expect-error a misspelt option, in a field with a rule
defineFields({ cart: { schema: z.array(z.string()), default: [], maxage: 5, onLogin: (account) => account } })
// @ts-expect-error no JSON, in a field with a rule
defineFields({ at: { schema: z.date(), default: new Date(), onLogin: (account) => account } })
const misspelt = { schema: z.number(), default: 1, maxage: 5 } as const
// @ts-expect-error a misspelt option, declared elsewhere
defineFields({ x: misspelt })
