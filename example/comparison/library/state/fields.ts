import { defineFields } from 'koa-live-session/fields'
import { filterSchema } from '../../filter.js'

const { region, size } = filterSchema.shape

export const fields = defineFields({
  region: { schema: region, default: 'all', client: 'write' },
  size: { schema: size, default: 'all', client: 'write' },
})

declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
  }
}
