// Rooms exist only for fields with `rooms: true`, and only for values of those fields.
import type { LiveSessionPlugin } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

const fields = defineFields({
  division: { schema: z.number(), default: -1, client: 'write', rooms: true },
  plan: { schema: z.enum(['free', 'paid']).nullable(), default: null, rooms: true },
  cart: { schema: z.array(z.string()), default: [] },
})
declare const live: LiveSessionPlugin<typeof fields>
const names: string[] = [...live.room('division', 3), ...live.room('plan', 'paid'), ...live.room('plan', null)]
void names
// @ts-expect-error it has no rooms
live.room('cart', [])
// @ts-expect-error another type
live.room('division', '3')
// @ts-expect-error no such value
live.room('plan', 'gold')
// @ts-expect-error no such field
live.room('nothing', 1)
