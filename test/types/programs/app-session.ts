// `socket.session` after the app's session is registered.
import Koa from 'koa'
import { type AppSession, liveSession, type SessionEnd } from 'koa-live-session'
import { defineFields, type JsonValue } from 'koa-live-session/fields'
import session from 'koa-session'
import { Server } from 'socket.io'
import { same } from './same.js'

declare module 'koa-live-session/fields' {
  interface Register {
    session: { user?: string; cart?: { sku: string }[]; step: number }
  }
}

const app = new Koa()
const live = liveSession(app, { fields: defineFields({}) })
session({ store: live.sessionStore() }, app)

new Server().on('connection', (socket) => {
  // @ts-expect-error a browser may have none
  socket.session.get('user')
  const own = socket.session
  if (!own) return
  const user = own.get('user')
  same<typeof user, string | undefined>(true)
  const step = own.get('step')
  same<typeof step, number | undefined>(true)
  // @ts-expect-error frozen
  own.get('cart')?.push({ sku: 'a' })
  // @ts-expect-error not registered
  own.get('theme')
  void own.set('user', 'ann')
  // @ts-expect-error another type
  void own.set('step', 'one')
  void own.update('cart', (cart = []) => [...cart, { sku: 'a' }])
  // @ts-expect-error another type
  void own.update('step', (at) => String(at))
  // @ts-expect-error a promise is no value
  void own.update('step', async () => 1)
  void own.delete('cart').then(({ level }) => same<typeof level, 'memory' | 'store'>(true))
  own.subscribe('cart', (cart) => same<typeof cart, readonly { readonly sku: string }[] | undefined>(true))
  own.subscribe(({ user: name }) => same<typeof name, string | undefined>(true))
  own.onChange((change) => {
    if (change.key === 'step') same<typeof change.value, number | undefined>(true)
  })
  own.onEnd((end) => same<typeof end, SessionEnd>(true))
})

declare const any: AppSession<Record<string, unknown>>
const value = any.get('anything')
same<typeof value, JsonValue | undefined>(true)
