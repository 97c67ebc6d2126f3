// The server's types after the fields are registered.
import Koa from 'koa'
import {
  type ChangeSource,
  type LiveSessionClientToServer,
  type LiveSessionInterServer,
  type LiveSessionServerToClient,
  liveSession,
} from 'koa-live-session'
import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import { defineFields, type JsonValue } from 'koa-live-session/fields'
import { Server } from 'socket.io'
import * as v from 'valibot'
import { z } from 'zod'
import { same } from './same.js'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  cart: {
    schema: z.array(z.object({ sku: z.string(), note: z.string().optional() })),
    default: [],
    client: 'write',
    maxBytes: 1500,
    maxMembers: 50,
    onLogin: (account: readonly { sku: string }[], browser: readonly { sku: string }[]) => [...account, ...browser],
  },
  theme: { schema: v.picklist(['light', 'dark']), default: 'light', client: 'write', scope: 'browser' },
  plan: { schema: z.string().default('free') },
  note: { schema: z.string().optional() },
  risk: { schema: z.number(), default: 0, client: 'hidden' },
  step: { schema: z.number(), default: 1, client: 'write', scope: 'tab' },
  any: { schema: z.json(), default: null },
})
declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
  }
}

const app = new Koa({ keys: ['x'] })
const live = liveSession(app, { fields })
const users = liveSession(app, { fields, identify: async (ctx) => (ctx.query['id'] ? 1 : undefined) })
const io = new Server()
live.attach(io)
live.attach(new Server<LiveSessionClientToServer, LiveSessionServerToClient, LiveSessionInterServer>())
users.attach(io, { handshake: [live.middleware()] })
users.attach(io, { handshake: live.middleware() })
// @ts-expect-error identify needs a handshake
users.attach(io)

app.use(live.middleware())
app.use(async (ctx) => {
  const { liveSession: session } = ctx
  const division = session.get('division')
  same<typeof division, number>(true)
  const theme = session.get('theme')
  same<typeof theme, 'light' | 'dark'>(true)
  const plan = session.get('plan')
  same<typeof plan, string>(true)
  const note = session.get('note')
  same<typeof note, string | undefined>(true)
  const any: JsonValue = session.get('any')
  // @ts-expect-error JSON, not any
  any.toFixed()
  const cart = session.get('cart')
  // @ts-expect-error frozen
  cart.push({ sku: 'a' })
  // @ts-expect-error frozen deeply
  for (const item of cart) item.sku = 'b'
  const written = await session.set('division', 3)
  same<typeof written.level, 'memory' | 'store'>(true)
  await session.setMany({ division: 1, cart: [{ sku: 'a' }], risk: 2 })
  await session.update('cart', (items) => [...items, { sku: 'b', note: 'x' }])
  // Forms and spreads clear an optional member by undefined.
  await session.set('cart', [{ sku: 'a', note: undefined }])
  await session.update('cart', (items) => items.map((item) => ({ ...item, note: undefined })))
  // @ts-expect-error delete removes it
  await session.set('note', undefined)
  await session.delete('note')
  same<ReturnType<typeof session.embed>, string>(true)
  const { values, stamps } = session.snapshot()
  same<typeof values.division, number>(true)
  same<typeof stamps, Readonly<Record<string, number>>>(true)
  const { who, guest, persisted } = session.snapshot()
  same<readonly [typeof who, typeof guest], readonly [string | undefined, true | undefined]>(true)
  same<typeof persisted, readonly (readonly [key: string, stamp: number])[] | undefined>(true)
  // @ts-expect-error hidden fields are in no snapshot
  values.risk
  same<typeof values.step, number>(true)
  // @ts-expect-error a request has no tab
  session.get('step')
  // @ts-expect-error not declared
  session.get('divisoin')
  // @ts-expect-error another type
  session.set('division', '3')
  // @ts-expect-error delete removes it
  session.set('note', undefined)
  // @ts-expect-error not in the list
  session.set('theme', 'pink')
  // @ts-expect-error a request has no listeners
  session.onChange
})

io.on('connection', (socket) => {
  socket.liveSession.get('step').toFixed()
  const end = socket.liveSession.subscribe('division', (division) => division.toFixed())
  end()
  socket.liveSession.onChange((change) => {
    if (change.key === 'division') change.value.toFixed()
    // @ts-expect-error may be another key's value
    change.value.toFixed()
  })
  same<typeof socket.liveSession.userId, string | undefined>(true)
})

same<ChangeSource, 'request' | 'socket' | 'ticket' | 'job' | 'node' | 'store' | 'login'>(true)

const user = await live.user('ann')
user.get('division').toFixed()
// @ts-expect-error belongs to a browser
user.get('theme')
// @ts-expect-error belongs to a tab
user.get('step')
// @ts-expect-error no id
live.user({})

const client = createLiveSession({
  headers: () => ({ 'x-csrf': 'y' }),
  initial: { division: 1, cart: [], theme: 'dark', plan: '', note: 'x', any: 1, step: 2 },
})
same<typeof client, LiveSessionClient>(true)
void client.set('step', 2)
