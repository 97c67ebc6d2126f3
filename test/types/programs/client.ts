// The page's types after the fields are registered.
import {
  createLiveSession,
  type FieldStore,
  type LiveSessionClientToServer,
  LiveSessionError,
  type LiveSessionErrorCode,
  type LiveSessionServerToClient,
  type StatusDetail,
} from 'koa-live-session/client'
import { io, type Socket } from 'socket.io-client'
import type { Readable, Writable } from 'svelte/store'
import type {} from './fields.js'
import { same } from './same.js'

const live = createLiveSession({ socket: io(), endpoint: '/tools/store_session', headers: { 'x-csrf': 'y' } })
const plain = createLiveSession({ initial: { division: 1, cart: [], note: '', plan: 'free' } })
// @ts-expect-error another type
createLiveSession({ initial: { division: '1', cart: [], note: '', plan: 'free' } })
// @ts-expect-error a misspelt option
createLiveSession({ endPoint: '/' })
plain.close()

const end = live.subscribe('division', (division) => same<typeof division, number>(true))
end()
// @ts-expect-error hidden
live.subscribe('risk', () => undefined)
live.onChange((change) => {
  if (change.key === 'cart') for (const { sku } of change.value) sku.trim()
  // @ts-expect-error may be another key's value
  change.value.length
})
live.onStatus((key, { status, reason }) => {
  same<typeof key, 'division' | 'cart' | 'note' | 'plan'>(true)
  same<typeof reason, LiveSessionErrorCode | undefined>(true)
  same<typeof status, StatusDetail['status']>(true)
})
void live.setMany({ division: 1, cart: [{ sku: 'a' }] })
// @ts-expect-error another type
void live.setMany({ division: '1' })
// @ts-expect-error read-only
void live.setMany({ plan: 'pro' })
// @ts-expect-error not a status
live.status().status === 'lost'
// @ts-expect-error not declared
live.status('divisoin')
// @ts-expect-error readonly
live.status().status = 'saved'
// @ts-expect-error readonly
live.ready = Promise.resolve()

void live.set('cart', [...live.get('cart'), { sku: 'a' }])
void live.update('cart', (cart) => [...cart, { sku: 'a' }])
// @ts-expect-error another type
void live.update('cart', (cart) => cart.length)
// @ts-expect-error a promise
void live.update('cart', async (cart) => cart)
// @ts-expect-error frozen
void live.update('cart', (cart) => cart.reverse())
// @ts-expect-error read-only
void live.update('plan', () => 'pro')
// @ts-expect-error hidden
void live.update('risk', (risk) => risk + 1)
// @ts-expect-error another type of item
void live.set('cart', [{ id: 1 }])
// @ts-expect-error no value
void live.set('division')
// @ts-expect-error read-only
void live.delete('plan')
// @ts-expect-error frozen
live.get('cart').push({ sku: 'a' })

const division = live.field('division')
same<typeof division, FieldStore<number, number>>(true)
export const writable: Writable<number> = division
export const readable: Readable<string> = live.field('plan')
division.update((value) => value + 1)
// @ts-expect-error another type
division.set('3')
// @ts-expect-error returns nothing
division.update(() => undefined)
// @ts-expect-error read-only
export const wrong: Writable<string> = live.field('plan')
// @ts-expect-error hidden
live.field('risk')

const wire: Socket<LiveSessionServerToClient, LiveSessionClientToServer> = io()
createLiveSession({ socket: wire })
wire.on('store_session', (ticket) => same<typeof ticket, string>(true))
wire.emit('live_session:exchange', { set: [['division', -1, '', 3]] }, (answer) => {
  if ('ok' in answer) same<typeof answer.code, LiveSessionErrorCode>(true)
  else same<typeof answer.results.length, number>(true)
})
// @ts-expect-error no such event
wire.emit('live_session:get', { set: [['division', -1, '']] }, () => undefined)
// @ts-expect-error no change
wire.emit('live_session:exchange', { set: ['division'] }, () => undefined)

live.set('division', 3).catch((error: unknown) => {
  if (error instanceof LiveSessionError) same<typeof error.code, LiveSessionErrorCode>(true)
})
